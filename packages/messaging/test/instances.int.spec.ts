import { afterEach, describe, expect, it } from '@jest/globals';
import { jetstreamManager } from '@nats-io/jetstream';
import { done, retry, type Message, type Outcome } from '../src/index.ts';
import { cleanUp, event, openBus, openQueue, publishEvent, runStrategy, until } from './kit.ts';
import { createMemoryDeadLetters } from '../src/testing/index.ts';
import { held, openField } from './relay-kit.ts';

afterEach(cleanUp);

describe('several instances', () => {
  it('share one durable: each message is handled by one of them', async () => {
    const [bus, other] = [await openBus(), await openBus()];
    const queue = await openQueue(bus);
    const seen = [[], []] as number[][];
    const handler = (at: number) => async ({ event: { data } }: Message) => {
      seen[at]!.push((data as { n: number }).n);
      await new Promise((resolve) => { setImmediate(resolve); });
      return done;
    };
    await runStrategy(bus, { ...queue, createStream: true, concurrency: 4 }, { [`${queue.prefix}.*`]: handler(0) });
    await runStrategy(other, { ...queue, createStream: true, concurrency: 4 }, { [`${queue.prefix}.*`]: handler(1) });
    for (let n = 0; n < 500; n++) publishEvent(bus, `${queue.prefix}.a`, event({ data: { n } }));
    await until('all', () => seen.flat().length >= 500);
    expect(new Set(seen.flat()).size).toBe(500);
    expect(seen.flat().length).toBe(500);
    expect(seen[0]!.length).toBeGreaterThan(50);
    expect(seen[1]!.length).toBeGreaterThan(50);
  });

  it('one that closes finishes what runs and hands the rest back at once', async () => {
    const [bus, other] = [await openBus(), await openBus()];
    const queue = await openQueue(bus);
    let release = () => {};
    const gate = new Promise<void>((resolve) => { release = resolve; });
    const first: number[] = [];
    const { strategy } = await runStrategy(bus, { ...queue, createStream: true, concurrency: 4 }, {
      [`${queue.prefix}.*`]: async ({ event: { data } }) => { await gate; first.push((data as { n: number }).n); return done; },
    }, { closeWithinMs: 20_000 });
    for (let n = 0; n < 50; n++) publishEvent(bus, `${queue.prefix}.a`, event({ data: { n } }));
    await until('it is busy', () => strategy.stats()[0]!.running === 4 && strategy.stats()[0]!.inFlight === 8);
    const closed = strategy.close();
    const second: number[] = [];
    await runStrategy(other, { ...queue, createStream: true }, { [`${queue.prefix}.*`]: async ({ event: { data } }) => { second.push((data as { n: number }).n); return done; } });
    // Long before the ack wait of a minute.
    await until('the other has the rest', () => second.length === 46);
    release();
    await closed;
    expect([...first, ...second].sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, n) => n));
    expect((await (await jetstreamManager(other)).streams.info(queue.stream)).state.messages).toBe(0);
  });

  it('a handler that outlives the time limit loses its message to another instance', async () => {
    const [bus, other] = [await openBus(), await openBus()];
    const queue = await openQueue(bus);
    let started = false;
    const { strategy } = await runStrategy(bus, { ...queue, createStream: true }, {
      [`${queue.prefix}.*`]: () => { started = true; return new Promise(() => {}); },
    }, { closeWithinMs: 50 });
    publishEvent(bus, `${queue.prefix}.a`, event());
    await until('it hangs', () => started);
    await strategy.close();
    let deliveries = 0;
    await runStrategy(other, { ...queue, createStream: true }, { [`${queue.prefix}.*`]: async (message) => { deliveries = message.deliveries; return done; } });
    await until('the other has it', () => deliveries === 2);
  });

  it('a message whose handlers always die is put among the dead letters without another try', async () => {
    const bus = await openBus();
    const queue = await openQueue(bus);
    const letters = createMemoryDeadLetters();
    const consumer = { ...queue, createStream: true, maxTries: 2 };
    let tries = 0;
    for (let life = 0; life < 4; life++) {
      const { strategy } = await runStrategy(bus, consumer, { [`${queue.prefix}.*`]: () => { tries++; return new Promise(() => {}); } }, { closeWithinMs: 20, deadLetters: letters });
      if (life === 0) publishEvent(bus, `${queue.prefix}.a`, event());
      await until('it was taken', () => tries === life + 1 || letters.letters.size === 1);
      await strategy.close();
    }
    // The first delivery is not counted before it is tried: that would cost every message a round trip.
    expect(tries).toBe(3);
    expect([...letters.letters.values()]).toMatchObject([{ reason: 'tried 2 times without an outcome', deliveries: 4 }]);
  });

  it.each(['stopped', 'killed'] as const)('that are %s again and again bury nothing that only waited in them, held or behind another', async (end) => {
    const control = await openBus();
    const queue = await openQueue(control);
    const letters = createMemoryDeadLetters();
    const consumer = { ...queue, createStream: true, maxTries: 2, concurrency: 2, ackWaitMs: 1000 };
    const over: string[] = [];
    let held = 0;
    const life = async (last: boolean) => {
      const bus = await openBus();
      const running = await runStrategy(bus, consumer, {
        // Two of one key: the first to come is held, the other waits behind it.
        [`${queue.prefix}.waits`]: async ({ event: { id } }) => { held++; return last ? (over.push(id), done) : retry(60_000, 'not now'); },
        [`${queue.prefix}.hangs`]: () => new Promise(() => {}),
      }, { closeWithinMs: 1, deadLetters: letters });
      return { ...running, bus };
    };
    for (let n = 0; n < 6; n++) {
      const { strategy, bus } = await life(false);
      if (n === 0) for (const word of ['waits', 'waits', 'hangs']) publishEvent(bus, `${queue.prefix}.${word}`, event({ subject: word }));
      await until('all have come', () => strategy.stats()[0]!.inFlight + letters.letters.size === 3 && held === n + 1);
      if (end === 'killed') await bus.close();
      await strategy.close();
    }
    await life(true);
    await until('what only waited is through', () => over.length === 2);
    expect([...letters.letters.values()].map(({ subject }) => subject.split('.')[1])).toEqual(['hangs']);
  });

  it('slow handlers keep their message beyond the ack wait', async () => {
    const bus = await openBus();
    const queue = await openQueue(bus);
    let calls = 0;
    let reports = 0;
    let release = () => {};
    const gate = new Promise<void>((resolve) => { release = resolve; });
    const acknowledgements: string[] = [];
    bus.subscribe(`$JS.ACK.${queue.stream}.>`, { callback: (_, message) => { acknowledgements.push(message.string()); if (message.string() === '+WPI') reports++; } });
    await runStrategy(bus, { ...queue, createStream: true, ackWaitMs: 2000 }, {
      [`${queue.prefix}.*`]: async () => { calls++; await gate; return done; },
    });
    publishEvent(bus, `${queue.prefix}.a`, event());
    // One report each third of the ack wait.
    await until('it is reported as working', () => reports >= 5);
    release();
    await until('it is through', () => acknowledgements.at(-1) === '+ACK');
    expect(calls).toBe(1);
  });

  it('of a newer version change the durable that an older one left behind, and nothing that waits is passed over', async () => {
    const bus = await openBus();
    const queue = await openQueue(bus);
    const got: string[] = [];
    const keep = async ({ subject }: Message): Promise<Outcome> => { got.push(subject.split('.')[1]!); return done; };
    const jsm = await jetstreamManager(bus);
    await jsm.streams.add({ name: queue.stream, subjects: queue.subjects });
    const old = await runStrategy(bus, { ...queue, concurrency: 4 }, { [`${queue.prefix}.a`]: keep });
    for (const word of ['a', 'b', 'a']) publishEvent(bus, `${queue.prefix}.${word}`, event());
    await until('the older version has its own', () => got.join() === 'a,a');
    await old.strategy.close();

    // Another filter, then other limits, then several filters: which are the server's "all".
    const newer = await runStrategy(bus, { ...queue, concurrency: 4 }, { [`${queue.prefix}.b`]: keep });
    await until('the newer version has what the older one passed over', () => got.includes('b'));
    await newer.strategy.close();
    const patient = await runStrategy(bus, { ...queue, ackWaitMs: 90_000 }, { [`${queue.prefix}.b`]: keep });
    expect((await jsm.consumers.info(queue.stream, queue.durable)).config.ack_wait).toBe(90_000 * 1e6);
    await patient.strategy.close();
    expect(got).toEqual(['a', 'a', 'b']);
    await runStrategy(bus, queue, { [`${queue.prefix}.a`]: keep, [`${queue.prefix}.b`]: keep });
    await until('all of them', () => got.length === 6);
  });

  it('of an older version live on beside a newer one, without a tug of war', async () => {
    const bus = await openBus();
    const queue = await openQueue(bus);
    const got: string[] = [];
    const keep = (who: string) => async ({ subject }: Message): Promise<Outcome> => { got.push(`${who} ${subject.split('.')[1]!}`); return done; };
    const jsm = await jetstreamManager(bus);
    await jsm.streams.add({ name: queue.stream, subjects: queue.subjects });
    await runStrategy(bus, queue, { [`${queue.prefix}.a`]: keep('old') });
    const older = await jsm.consumers.info(queue.stream, queue.durable);
    const newer = await runStrategy(await openBus(), queue, { [`${queue.prefix}.b`]: keep('new') });
    const made = await until('the newer durable', async () => {
      const found = await jsm.consumers.info(queue.stream, queue.durable);
      return found.created === older.created ? undefined : found;
    });
    await until('both ask it', async () => (await jsm.consumers.info(queue.stream, queue.durable)).num_waiting === 2);
    expect((await jsm.consumers.info(queue.stream, queue.durable)).created).toBe(made.created);
    expect(newer.strategy.healthy()).toBeUndefined();
  });

  it('of a relay: one publishes, and when its connection to PostgreSQL is cut another takes over, in order, without a second copy', async () => {
    const [bus, other] = [await openBus(), await openBus()];
    const field = await openField();
    const relays = [field.relay(bus, { purge: false }), field.relay(other, { purge: false })];
    await field.append(200);
    const leader = await until('a leader', () => relays.find((relay) => relay.stats().leading && relay.stats().published > 0));
    const standby = relays.find((relay) => relay !== leader)!;
    expect(standby.stats().leading).toBe(false);
    expect(standby.healthy()).toBeUndefined();
    for (let round = 0; round < 4; round++) {
      const appending = (async () => { for (let i = 0; i < 20; i++) await field.append(25); })();
      // Every connection of whoever holds the lock, as `kill -9` of the process would.
      await field.pool.query("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())");
      await appending;
    }
    await until('all is published', async () => (await field.store.head()) === relays.find((relay) => relay.stats().leading)?.stats().checkpoint);
    expect(await held(bus, field.stream)).toEqual(field.announced());
  });

  it('a relay that has been overtaken cannot move the checkpoint', async () => {
    const bus = await openBus();
    const field = await openField();
    const relay = field.relay(bus, { purge: false });
    await field.append(100);
    await until('it is through', async () => relay.stats().checkpoint === await field.store.head());
    await field.pool.query("UPDATE messaging.relays SET epoch = epoch + 1, checkpoint = 'zzz'");
    await field.append(100);
    await until('it has noticed', () => relay.stats().published === 180 && relay.stats().checkpoint !== undefined);
    await until('it claimed again', async () => (await field.pool.query<{ epoch: string }>('SELECT epoch FROM messaging.relays')).rows[0]!.epoch !== '2');
    expect(await held(bus, field.stream)).toEqual(field.announced());
  });
});
