import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createInMemoryEventStore, type EventStore, type NewEvent } from '@rappel/event-store';
import { createDatabase, until } from '@rappel/local-stack';
import { createPool, type Pool } from '@rappel/postgres';
import { randomUUID } from 'node:crypto';
import { checksum, followLog, logAsOf, rebuildLog, redactRecipients, REDACTION_STREAM, rowsAsOf, verifyLog, type Checksum, type FollowStatus } from '../src/index.ts';
import { historySeed, randomFrom, story } from './history.ts';

const seed = historySeed();
const random = randomFrom(seed);
const before = '2026-03-16T00:00:00.000Z';
const at = '2026-06-14T00:00:00.000Z';

let pool: Pool;
beforeAll(async () => {
  pool = createPool(await createDatabase(process.env.TEST_POSTGRES_URL!, `redaction_${randomUUID().replaceAll('-', '')}`), { max: 12 });
});
afterAll(() => pool.end());

let store: EventStore;
beforeEach(async () => {
  store = createInMemoryEventStore();
  await pool.query('DROP SCHEMA IF EXISTS log CASCADE; DROP SCHEMA IF EXISTS log_rebuild CASCADE');
});

/** Notifications requested over March; half of each life is left for `rest`. */
async function begin(count: number): Promise<{ rest(): Promise<void> }> {
  const stories = Array.from({ length: count }, () => story(random)).filter(({ events }) => events.length > 0);
  for (const { stream, events } of stories) await store.append(stream, events.slice(0, 2), 0);
  return { rest: async () => { for (const { stream, events } of stories) if (events.length > 2) await store.append(stream, events.slice(2), 2); } };
}

async function following<T>(work: (caughtUp: () => Promise<void>) => Promise<T>): Promise<T> {
  const ending = new AbortController();
  let status: FollowStatus | undefined;
  const running = followLog({ store, pool, signal: ending.signal, batchSize: 37, retryMs: 20, onStatus: (now) => { status = now; } });
  try {
    return await work(async () => { await until('the log to catch up', async () => (status?.caughtUp === true && status.checkpoint >= await store.head()) || undefined); });
  } finally {
    ending.abort();
    await running;
  }
}

const run = (options: { dryRun?: boolean; step?: number; before?: string; signal?: AbortSignal } = {}) => redactRecipients({ store, pool, before, at, actor: 'retention', dryRun: false, ...options });

/** Recipients that the log still has, of what was requested before and since. */
async function held(schema = 'log'): Promise<{ old: number; young: number }> {
  const { rows } = await pool.query<{ old: number; young: number }>(`SELECT count(*) FILTER (WHERE requested_at < $1)::int AS old, count(*) FILTER (WHERE requested_at >= $1)::int AS young
    FROM ${schema}.notification WHERE recipient::text LIKE '%sealed%'`, [before]);
  return rows[0]!;
}
const runs = async () => (await store.readStream(REDACTION_STREAM)).map(({ data, metadata }) => ({ ...data as { before: string; notifications: number }, actor: metadata.actor }));
async function sum(): Promise<Checksum> {
  const client = await pool.connect();
  try {
    return await checksum(client, 'log');
  } finally {
    client.release();
  }
}

describe(`recipients that are too old (SEED=${seed})`, () => {
  it('leave the log in recorded steps, also when their notifications come or change later, and no rebuild brings them back', async () => {
    await following(async (caughtUp) => {
      const { rest } = await begin(200);
      await caughtUp();
      const { old, young } = await held();
      expect([old > 20, young > 20]).toEqual([true, true]);
      expect(await run({ dryRun: true })).toBe(old);
      expect(await runs()).toEqual([]);

      expect(await run({ step: 10 })).toBe(old);
      await caughtUp();
      expect(await held()).toEqual({ old: 0, young });
      const steps = await runs();
      expect(steps.length).toBeGreaterThanOrEqual(Math.floor(old / 20));
      expect(steps.at(-1)).toMatchObject({ before, actor: 'retention' });
      expect(steps.reduce((total, { notifications }) => total + notifications, 0)).toBe(old);
      expect(Math.max(...steps.map(({ notifications }) => notifications))).toBeLessThanOrEqual(10);
      expect(await run()).toBe(0);
      expect(await runs()).toEqual(steps);

      await rest();
      await begin(100);
      await caughtUp();
      const then = await held();
      expect([then.old, then.young > young]).toEqual([0, true]);
      expect(await verifyLog({ store, pool })).toMatchObject({ equal: true });
      expect(await verifyLog({ store, pool, sample: 400 })).toMatchObject({ equal: true });
      expect(await rebuildLog({ store, pool, flushEvery: 50 })).toMatchObject({ equal: true });
      expect(await held()).toEqual(then);
    });
    const after = await sum();
    await pool.query('DROP SCHEMA log CASCADE');
    await following((caughtUp) => caughtUp());
    expect(await sum()).toEqual(after);
  });

  it('leave it while it is rebuilt, too, and do not come back with the log of another day', async () => {
    await following(async (caughtUp) => {
      const { rest } = await begin(300);
      const early = await store.head();
      await caughtUp();
      await rest();
      // The run comes between two pages of the rebuild.
      let pages = 0;
      const interrupted: EventStore = {
        ...store,
        async *subscribe(options) {
          for await (const page of store.subscribe({ ...options, batchSize: 200 })) {
            yield page;
            if (++pages === 1) await run({ step: 40 });
          }
        },
      };
      expect(await rebuildLog({ store: interrupted, pool, flushEvery: 50 })).toMatchObject({ equal: true });
      expect(pages).toBeGreaterThan(1);
      await caughtUp();
      expect((await held()).old).toBe(0);
      expect(await rebuildLog({ store, pool })).toMatchObject({ equal: true });
      await logAsOf({ store, pool, schema: 'log_then', stop: { checkpoint: early } });
      expect(await held('log_then')).toMatchObject({ old: 0 });
      const { rows } = await pool.query<{ id: string; recipient: unknown }>('SELECT notification_id AS id, recipient FROM log.notification WHERE requested_at < $1 AND recipient IS NOT NULL LIMIT 5', [before]);
      const shown = await rowsAsOf(store, rows.map(({ id }) => id), { checkpoint: early }, before);
      expect(shown.map((row) => row?.recipient)).toEqual(rows.map(({ recipient }) => recipient));
    });
  });

  it('go on leaving where an interrupted run stopped; of two runs at once none is recorded twice; an odd record is set aside', async () => {
    await following(async (caughtUp) => {
      await begin(200);
      await caughtUp();
      const { old } = await held();
      const stop = new AbortController();
      const { append } = store;
      store.append = async (...given) => { stop.abort(); return append(...given); };
      await run({ step: 10, signal: stop.signal });
      store.append = append;
      await caughtUp();
      const left = (await held()).old;
      expect([left > 0, left < old]).toEqual([true, true]);
      await Promise.all([run({ step: 10 }), run({ step: 10 })]);
      await run();
      await caughtUp();
      expect((await held()).old).toBe(0);
      const befores = (await runs()).map((one) => one.before);
      expect(befores).toEqual([...new Set(befores)].sort());

      const odd: NewEvent = { id: randomUUID(), type: 'RecipientsRedacted', data: { before: 'long ago' } };
      await store.append(REDACTION_STREAM, [odd], 'any');
      const id = randomUUID();
      const unknown: NewEvent = { id: randomUUID(), type: 'FromTheFuture', data: {}, personal: { state: 'sealed', subject: 'b', context: 'c', fields: { recipient: 'sealed-poison' } } };
      await store.append(`notification-${id}`, [unknown], 0);
      await caughtUp();
      const { rows } = await pool.query<{ stream: string; event: unknown }>('SELECT stream, event FROM log.poison ORDER BY stream DESC');
      expect(rows.map(({ stream }) => stream)).toEqual([REDACTION_STREAM, `notification-${id}`]);
      expect(JSON.stringify(rows)).not.toContain('sealed-poison');
      expect(await rebuildLog({ store, pool })).toMatchObject({ equal: true });
    });
  });
});
