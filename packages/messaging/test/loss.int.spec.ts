import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { startNats, type NatsServer } from '@rappel/local-stack';
import { done, type Message, type Outcome } from '../src/index.ts';
import { cleanUp, cleanUps, event, openBus, openQueue, publishEvent, runStrategy, until } from './kit.ts';
import { held, openField } from './relay-kit.ts';

let server: NatsServer;
let folder: string;
let bus: NatsConnection;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rappel-loss-'));
  cleanUps.push(() => rmSync(folder, { recursive: true, force: true }));
  server = await startNats({ storeDir: folder, durable: false });
  cleanUps.push(() => server.stop());
  bus = await openBus(server.url);
});
afterEach(cleanUp);

const streamIsThere = (name: string) => jetstreamManager(bus, { checkAPI: false }).then((jsm) => jsm.streams.info(name)).catch(() => undefined);

const recorder = () => {
  const seen = new Map<number, number>();
  const handler = async ({ event: { data } }: Message): Promise<Outcome> => {
    const { n } = data as { n: number };
    seen.set(n, (seen.get(n) ?? 0) + 1);
    return done;
  };
  return { seen, handler };
};

describe('when NATS loses what it held', () => {
  it('nothing is lost: its directory deleted again and again while events are appended and handled', async () => {
    const field = await openField();
    const [one, two] = [recorder(), recorder()];
    const durables = { consumers: ['one', 'two'] };
    const relay = field.relay(bus, durables);
    await runStrategy(bus, { stream: field.stream, durable: 'one', subjects: [`${field.prefix}.*`] }, { [`${field.prefix}.counted`]: one.handler });
    const other = await openBus(server.url);
    await runStrategy(other, { stream: field.stream, durable: 'two', subjects: [`${field.prefix}.*`] }, { [`${field.prefix}.counted`]: two.handler });

    for (let round = 0; round < 3; round++) {
      await field.append(400);
      const appending = (async () => { for (let i = 0; i < 10; i++) await field.append(30); })();
      await until('some are handled', () => one.seen.size > round * 600);
      await server.restart({ wipe: true });
      await until('the relay has noticed', () => relay.stats().rewinds === round + 1);
      await field.append(50);
      await appending;
    }
    const wanted = field.announced();
    await until('all are handled by both', () => one.seen.size === wanted.length && two.seen.size === wanted.length);
    await until('all is settled', async () => relay.stats().settled === await field.store.head());

    // What was settled is not published again after the next loss.
    const before = relay.stats().published;
    await server.restart({ wipe: true });
    await until('it leads again', async () => !relay.healthy() && await streamIsThere(field.stream));
    await field.append(5);
    await until('the new ones', () => two.seen.size === wanted.length + 5);
    expect(relay.stats().published).toBe(before + 5);
  });

  it('publishes a lost tail again, in order, and consumers that were ahead get it', async () => {
    const field = await openField();
    const { seen, handler } = recorder();
    const durables = { consumers: ['one'], purge: false };
    const relay = field.relay(bus, durables);
    await runStrategy(bus, { stream: field.stream, durable: 'one', subjects: [`${field.prefix}.*`] }, { [`${field.prefix}.counted`]: handler });
    await field.append(100);
    await until('the first hundred', () => seen.size === 90);
    await server.stop();
    cpSync(join(folder, 'jetstream'), join(folder, 'copy'), { recursive: true });
    await server.restart();
    await field.append(200);
    await until('all', () => seen.size === 270);
    await server.stop();
    rmSync(join(folder, 'jetstream'), { recursive: true });
    cpSync(join(folder, 'copy'), join(folder, 'jetstream'), { recursive: true });
    seen.clear();
    await server.restart();
    await until('the lost ones again', () => [...seen.keys()].filter((n) => n > 100).length === 180);
    await field.append(20);
    await until('and the new ones', () => seen.has(319));
    expect(relay.stats().rewinds).toBe(1);
    expect(await held(bus, field.stream)).toEqual(field.announced());
  });

  it('creates a deleted stream and a deleted durable again, while connected', async () => {
    const field = await openField();
    const { seen, handler } = recorder();
    field.relay(bus, { consumers: ['one'] });
    await runStrategy(bus, { stream: field.stream, durable: 'one', subjects: [`${field.prefix}.*`] }, { [`${field.prefix}.counted`]: handler });
    await field.append(20);
    await until('the first', () => seen.size === 18);
    const jsm = await jetstreamManager(bus);
    await jsm.consumers.delete(field.stream, 'one');
    await field.append(20);
    await until('those after the durable was gone', () => seen.size === 36);
    await jsm.streams.delete(field.stream);
    await field.append(20);
    await until('those after the stream was gone', () => seen.size === 54);
  });

  it('takes up its own queue again and keeps answering', async () => {
    const queue = await openQueue(bus);
    const { seen, handler } = recorder();
    const { strategy } = await runStrategy(bus, { ...queue, createStream: true, requests: true }, { [`${queue.prefix}.*`]: handler });
    publishEvent(bus, `${queue.prefix}.a`, event({ data: { n: 1 } }));
    await until('the first', () => seen.has(1));
    await server.restart({ wipe: true });
    await until('ready again', async () => !strategy.healthy() && await streamIsThere(queue.stream));
    publishEvent(bus, `${queue.prefix}.a`, event({ data: { n: 2 } }));
    await until('the second', () => seen.has(2));
  });
});
