import { randomUUID } from 'node:crypto';
import { AckPolicy, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { createInMemoryEventStore, type EventStore } from '@rappel/event-store';
import { createDatabase } from '@rappel/local-stack';
import { createPool, type Pool } from '@rappel/postgres';
import { createRelay, migrateMessaging, type Announcement, type Relay, type RelayOptions } from '../src/index.ts';
import { cleanUps, unique } from './kit.ts';

/** A database of its own with the schema `messaging`. */
export async function openPool(): Promise<Pool> {
  const pool = createPool(await createDatabase(process.env.TEST_POSTGRES_URL!, unique('messaging')));
  cleanUps.push(() => pool.end());
  await migrateMessaging(pool);
  return pool;
}

export interface Field {
  readonly stream: string;
  readonly prefix: string;
  readonly category: string;
  readonly store: EventStore;
  readonly pool: Pool;
  /** Appends `count` events, numbered on from the last ones, of which every tenth stays private. */
  append(count: number): Promise<void>;
  /** Numbers that are to be announced, in order. */
  announced(): number[];
  relay(bus: NatsConnection, more?: Partial<RelayOptions>): Relay;
}

export async function openField(pool?: Pool): Promise<Field> {
  const prefix = unique('r');
  const category = unique('thing');
  const stream = prefix.toUpperCase();
  const store = createInMemoryEventStore();
  const ownPool = pool ?? await openPool();
  let appended = 0;
  const isPrivate = (n: number) => n % 10 === 0;
  return {
    stream, prefix, category, store, pool: ownPool,
    append: async (count) => {
      for (let left = count; left > 0; left -= 50) {
        const events = Array.from({ length: Math.min(50, left) }, () => ({ id: randomUUID(), type: 'Counted', data: { n: ++appended } }));
        await store.append(`${category}-${appended % 7}`, events, 'any');
      }
    },
    announced: () => Array.from({ length: appended }, (_, i) => i + 1).filter((n) => !isPrivate(n)),
    relay: (bus, more = {}) => {
      const relay = createRelay({
        store, pool: ownPool, bus, stream, categories: [category], subjects: [`${prefix}.*`], consumers: [], settleEveryMs: 50,
        announce: (event): Announcement | undefined => {
          const { n } = event.data as { n: number };
          if (isPrivate(n)) return undefined;
          return { subject: `${prefix}.counted`, event: { specversion: '1.0', id: event.id, source: 'spec', type: 'Counted', subject: event.stream, data: { n } } };
        },
        ...more,
      });
      cleanUps.push(() => relay.close());
      cleanUps.push(async () => { if (!bus.isClosed()) await (await jetstreamManager(bus)).streams.delete(stream).catch(() => {}); });
      return relay;
    },
  };
}

/** The numbers that the stream holds, in its order. */
export async function held(bus: NatsConnection, stream: string): Promise<number[]> {
  const jsm = await jetstreamManager(bus);
  const name = unique('reader');
  await jsm.consumers.add(stream, { name, ack_policy: AckPolicy.None });
  const consumer = await jsm.jetstream().consumers.get(stream, name);
  const { num_pending } = await consumer.info();
  const numbers: number[] = [];
  if (num_pending > 0) for await (const message of await consumer.fetch({ max_messages: num_pending, expires: 5000 })) numbers.push(message.json<{ n: number }>().n);
  await jsm.consumers.delete(stream, name);
  return numbers;
}
