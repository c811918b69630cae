import { afterEach, describe, expect, it } from '@jest/globals';
import { AckPolicy, jetstreamManager } from '@nats-io/jetstream';
import { cleanUp, openBus, until } from './kit.ts';
import { held, openField } from './relay-kit.ts';

afterEach(cleanUp);

describe('the relay', () => {
  it('publishes what is announced, once, in order, with the position in the store, and goes on where it was', async () => {
    const bus = await openBus();
    const field = await openField();
    await field.append(3000);
    const first = field.relay(bus, { purge: false });
    await until('the first part', () => first.stats().published === field.announced().length);
    await field.append(500);
    await until('what was added', () => first.stats().published === field.announced().length);
    await until('the checkpoint', async () => first.stats().checkpoint === await field.store.head());
    await first.close();
    await field.append(700);
    const second = field.relay(bus, { purge: false });
    await until('the rest', () => second.stats().published === 630);
    expect(second.stats()).toMatchObject({ leading: true, duplicates: 0, rewinds: 0 });
    expect(second.healthy()).toBeUndefined();
    expect(await held(bus, field.stream)).toEqual(field.announced());
  });

  it('does not publish again what was published before the checkpoint was saved', async () => {
    const bus = await openBus();
    const field = await openField();
    await field.append(2000);
    const first = field.relay(bus, { purge: false });
    await until('it publishes', () => first.stats().published > 0);
    await first.close();
    await field.pool.query("UPDATE messaging.relays SET checkpoint = '', last_seq = 0");
    const second = field.relay(bus, { purge: false });
    await until('all of them', async () => second.stats().checkpoint === await field.store.head());
    expect(await held(bus, field.stream)).toEqual(field.announced());
  });

  it('publishes what comes first at once, rests, and can be closed while it rests', async () => {
    const bus = await openBus();
    const field = await openField();
    const resting = field.relay(bus, { purge: false, restMs: 600_000 });
    await until('the end of the store', () => resting.stats().leading && resting.stats().checkpoint === '');
    await field.append(5);
    await until('the first ones', () => resting.stats().published === field.announced().length);
    const before = field.announced().length;
    await field.append(5);
    await resting.close();
    expect((await held(bus, field.stream)).length).toBe(before);
    const next = field.relay(bus, { purge: false });
    await until('the others', async () => next.stats().checkpoint === await field.store.head());
    expect(await held(bus, field.stream)).toEqual(field.announced());
  });

  it('keeps what a neighbour has not acknowledged, and waits for none that is not there', async () => {
    const bus = await openBus();
    const field = await openField();
    const relay = field.relay(bus, { neighbours: ['neighbour'] });
    await field.append(20);
    await until('it is published', () => relay.stats().published === 18);
    await until('all but the last go', async () => (await held(bus, field.stream)).join() === '19');
    const jsm = await jetstreamManager(bus);
    await jsm.consumers.add(field.stream, { durable_name: 'neighbour', ack_policy: AckPolicy.Explicit });
    await field.append(20);
    await until('it is published', async () => relay.stats().checkpoint === await field.store.head());
    const consumer = await jsm.jetstream().consumers.get(field.stream, 'neighbour');
    const taken: number[] = [];
    for await (const message of await consumer.fetch({ max_messages: 10, expires: 5000 })) {
      taken.push(message.json<{ n: number }>().n);
      await message.ackAck();
    }
    expect(taken).toEqual([19, 21, 22, 23, 24, 25, 26, 27, 28, 29]);
    await until('what it has goes, what it has not stays', async () => (await held(bus, field.stream)).join() === '31,32,33,34,35,36,37,38,39');
  });
});
