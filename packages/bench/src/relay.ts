import { randomUUID } from 'node:crypto';
import { jetstream, jetstreamManager, AckPolicy, StorageType } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { createPostgresEventStore } from '@rappel/event-store-postgres';
import { until } from '@rappel/local-stack';
import { connectBus, createRelay, createStrategy, done, migrateMessaging, writeEnvelope } from '@rappel/messaging';
import { createPool } from '@rappel/postgres';
import { headers as natsHeaders } from '@nats-io/nats-core';
import type { Part } from './context.ts';
import { compare, eachOf, takeTurns } from './figures.ts';

const RELAY = 'relay: store → JetStream';
const PUBLISH = 'raw JetStream publish';
const STRATEGY = 'transport strategy, durable consumer';
const CONSUME = 'raw JetStream consume and ack';
const AT_ONCE = 1024;
const payloadOf = (n: number): object => ({ loan: { attributionId: `loan-${n}`, borrowerId: `borrower-${n}`, item: { code: 'PC-042', name: 'Portable Dell Latitude 5420' }, duration: 'LONG', dueVersion: 1 }, at: '2026-03-17T09:00:00.000Z' });

/** Between the store and the handlers, with the same messages as JetStream alone. */
export const relay: Part = async (context) => {
  const count = context.smoke ? 300 : 20_000;
  const { url, natsUrl, stop } = await context.hosts.broker();
  const bus = await connectBus({ servers: natsUrl, name: 'bench' });
  const pool = createPool(url);
  const store = createPostgresEventStore({ connectionString: url });
  await migrateMessaging(pool);
  for (let from = 0; from < count; from += 100) {
    await store.appendMany(Array.from({ length: Math.min(100, count - from) }, (_, i) => ({
      stream: `thing-${from + i}`, events: [{ id: randomUUID(), type: 'Counted', data: payloadOf(from + i) }], expected: 0 as const,
    })));
  }
  const jsm = await jetstreamManager(bus);
  const messages = async (stream: string): Promise<number> => jsm.streams.info(stream).then(({ state }) => state.messages, () => 0);

  async function relayAll(round: number): Promise<number> {
    const stream = `RELAY${round}`;
    const started = performance.now();
    const running = createRelay({
      store, pool, bus, stream, name: stream, categories: ['thing'], subjects: [`relay${round}.*`], consumers: [], purge: false,
      announce: (event) => ({ subject: `relay${round}.counted`, event: { specversion: '1.0', id: event.id, source: '/bench', type: event.type, subject: event.stream, time: event.recordedAt, data: event.data } }),
    });
    await until('the relay', async () => (await messages(stream) >= count ? true : undefined), { patienceMs: 120_000 });
    const perSecond = count / ((performance.now() - started) / 1000);
    await running.close();
    await jsm.streams.delete(stream);
    return perSecond;
  }

  async function publishAll(round: number, keep = false): Promise<number> {
    const stream = `RAW${round}`;
    await jsm.streams.add({ name: stream, subjects: [`raw${round}.*`], storage: StorageType.File });
    const js = jetstream(bus);
    const started = performance.now();
    await eachOf(count, AT_ONCE, async (n) => {
      const { headers, payload } = writeEnvelope({ specversion: '1.0', id: randomUUID(), source: '/bench', type: 'Counted', subject: `thing-${n}`, time: '2026-03-17T09:00:00.000Z', data: payloadOf(n) });
      const h = natsHeaders();
      for (const [key, value] of Object.entries(headers)) h.set(key, value);
      await js.publish(`raw${round}.counted`, payload, { headers: h });
    });
    const perSecond = count / ((performance.now() - started) / 1000);
    if (!keep) await jsm.streams.delete(stream);
    return perSecond;
  }

  try {
    const relayed = await takeTurns([{ name: PUBLISH, run: (round) => publishAll(round) }, { name: RELAY, run: relayAll }], context);
    await publishAll(9999, true);
    const consumed = await takeTurns([
      { name: CONSUME, run: (round) => consumeAll(bus, { stream: 'RAW9999', durable: `raw-${round}`, count }) },
      { name: STRATEGY, run: (round) => handleAll(bus, { stream: 'RAW9999', durable: `strategy-${round}`, count }) },
    ], context);
    return [
      compare(relayed, { name: `${RELAY}, ${count} events`, unit: '/s', ours: RELAY, beside: PUBLISH, target: '≥ 0.5', reached: (ratio) => ratio >= 0.5, note: 'every message synced to the disk by the server' }),
      compare(consumed, { name: `${STRATEGY}, ${count} messages`, unit: '/s', ours: STRATEGY, beside: CONSUME, target: '≥ 0.5', reached: (ratio) => ratio >= 0.5 }),
    ];
  } finally {
    await store.close();
    await pool.end();
    await bus.close();
    await stop();
  }
};

interface Reading { readonly stream: string; readonly durable: string; readonly count: number }

async function consumeAll(bus: NatsConnection, { stream, durable, count }: Reading): Promise<number> {
  const jsm = await jetstreamManager(bus);
  const started = performance.now();
  await jsm.consumers.add(stream, { durable_name: durable, ack_policy: AckPolicy.Explicit, max_ack_pending: 4096 });
  const consumer = await jetstream(bus).consumers.get(stream, durable);
  let read = 0;
  for await (const message of await consumer.consume({ max_messages: 1000 })) {
    message.json();
    message.ack();
    if (++read === count) break;
  }
  await bus.flush();
  return count / ((performance.now() - started) / 1000);
}

async function handleAll(bus: NatsConnection, { stream, durable, count }: Reading): Promise<number> {
  let read = 0;
  let finish: () => void = () => {};
  const finished = new Promise<void>((resolve) => { finish = resolve; });
  const started = performance.now();
  const strategy = createStrategy({
    bus, consumers: [{ stream, durable, subjects: ['raw9999.*'], concurrency: 256 }],
    deadLetters: { store: async () => {}, countTry: async () => 1, endTry: async () => {} },
  });
  strategy.addHandler('raw9999.*', async () => {
    if (++read === count) finish();
    return done;
  }, true);
  await new Promise<void>((resolve, reject) => { strategy.listen((error?: unknown) => { if (error) reject(error as Error); else resolve(); }); });
  await finished;
  await bus.flush();
  const perSecond = count / ((performance.now() - started) / 1000);
  await strategy.close();
  return perSecond;
}
