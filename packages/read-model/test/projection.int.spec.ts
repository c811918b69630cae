import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createInMemoryEventStore, type EventStore } from '@rappel/event-store';
import { createDatabase, until as comesAbout } from '@rappel/local-stack';
import { createPool, type Pool } from '@rappel/postgres';
import { randomUUID } from 'node:crypto';
import { checksum, findNotifications, followLog, logAsOf, LogMissing, placeIn, prepareLog, readingLog, rebuildLog, RebuildRunning, verifyLog, type FollowStatus, type Page } from '../src/index.ts';
import { copyInto, encodeRows } from '../src/copy.ts';
import { loadRows } from '../src/tables.ts';
import { historySeed, randomFrom, story } from './history.ts';

const seed = historySeed();
const random = randomFrom(seed);

let pool: Pool;
beforeAll(async () => {
  pool = createPool(await createDatabase(process.env.TEST_POSTGRES_URL!, `log_${randomUUID().replaceAll('-', '')}`), { max: 12 });
});
afterAll(() => pool.end());

async function fill(store: EventStore, count: number): Promise<void> {
  const stories = Array.from({ length: count }, () => story(random)).filter(({ events }) => events.length > 0);
  // Interleaved: first halves, then second halves, so that many notifications are open at once.
  for (const { stream, events } of stories) await store.append(stream, events.slice(0, 2), 0);
  for (const { stream, events } of stories) if (events.length > 2) await store.append(stream, events.slice(2), 2);
}

const spoilt = (id: string) => [
  { id: randomUUID(), type: 'NotificationRequested', data: { notificationId: id, attributionId: 'l', borrowerId: 'b', type: 'RETARD', channel: 'EMAIL', dueVersion: 1, occurrence: 1, dueFrom: '2026-03-01T08:00:00.000Z', at: '2026-03-01T08:00:00.000Z' } },
  { id: randomUUID(), type: 'AttemptStarted', data: { attemptId: 'a', number: 1, at: 'never' } },
  { id: randomUUID(), type: 'AttemptAccepted', data: { attemptId: 'a', providerId: 'x', at: '2026-03-01T08:01:00.000Z' } },
];

interface Follower { stop(): Promise<void>; caughtUp(): Promise<void>; status(): FollowStatus | undefined; errors: unknown[] }

function follow(store: EventStore, { batchSize = 50 } = {}): Follower {
  const ending = new AbortController();
  const errors: unknown[] = [];
  let status: FollowStatus | undefined;
  const running = followLog({ store, pool, signal: ending.signal, batchSize, retryMs: 20, onError: (error) => errors.push(error), onStatus: (now) => { status = now; } });
  return {
    errors,
    status: () => status,
    stop: async () => { ending.abort(); await running; },
    caughtUp: async () => { await until(async () => status?.caughtUp === true && status.checkpoint >= await store.head()); },
  };
}

const until = (holds: () => Promise<boolean>): Promise<boolean> => comesAbout('what is waited for', async () => await holds() || undefined);

async function sum() {
  const client = await pool.connect();
  try {
    return await checksum(client, 'log');
  } finally {
    client.release();
  }
}

const dropAll = () => pool.query('DROP SCHEMA IF EXISTS log CASCADE; DROP SCHEMA IF EXISTS log_rebuild CASCADE');

describe(`the projection on PostgreSQL (SEED=${seed})`, () => {
  it('follows, rebuilds to the same checksum with poison inside, and verifies', async () => {
    const store = createInMemoryEventStore();
    await dropAll();
    await fill(store, 300);
    const id = randomUUID();
    await store.append(`notification-${id}`, spoilt(id), 0);
    const odd = randomUUID();
    await store.append(`notification-${odd}`, [{ ...spoilt(odd)[0]!, data: { ...spoilt(odd)[0]!.data, attributionId: 'x\ud800' } }], 0);
    const follower = follow(store);
    await follower.caughtUp();
    await fill(store, 100);
    await follower.caughtUp();
    const live = await sum();
    const { rows } = await pool.query('SELECT version, reason FROM log.poison ORDER BY stream = $1 DESC, version', [`notification-${id}`]);
    expect(rows).toEqual([
      { version: 2, reason: 'at is not an instant' }, { version: 3, reason: 'an earlier event of this notification is set aside' },
      { version: 1, reason: expect.stringContaining('PostgreSQL refused it') },
    ]);
    const rebuilt = await rebuildLog({ store, pool, flushEvery: 200 });
    // Those set aside are among them, and those written before PostgreSQL refused one.
    expect(rebuilt).toMatchObject({ equal: true, resumed: false, before: live, after: live, events: (await store.readAll({ limit: 1_000_000 })).length });
    await fill(store, 20);
    await follower.caughtUp();
    expect(await verifyLog({ store, pool })).toMatchObject({ equal: true, different: [] });
    expect(await verifyLog({ store, pool, sample: 50 })).toMatchObject({ equal: true, checked: 50 });
    expect(follower.errors).toEqual([]);
    await follower.stop();
  });

  it('refuses a COPY of which the server counts other rows than were sent', async () => {
    const store = createInMemoryEventStore();
    await dropAll();
    await fill(store, 5);
    const follower = follow(store);
    await follower.caughtUp();
    await follower.stop();
    const { rows: ids } = await pool.query<{ id: string }>('SELECT notification_id AS id FROM log.notification');
    const client = await pool.connect();
    try {
      const lines = await encodeRows([...(await loadRows(client, 'log', ids.map(({ id }) => id))).values()]);
      await client.query('CREATE TEMP TABLE copied (LIKE log.notification)');
      await expect(copyInto(client, 'copied', { ...lines, rows: lines.rows + 1 })).rejects.toThrow(`PostgreSQL took ${lines.rows} rows where ${lines.rows + 1} were sent`);
      await copyInto(client, 'copied', lines);
      expect((await client.query('SELECT count(*)::int AS n FROM copied')).rows).toEqual([{ n: 2 * lines.rows }]);
    } finally {
      client.release(true);
    }
  });

  it('finds a row that somebody changed', async () => {
    const store = createInMemoryEventStore();
    await dropAll();
    await fill(store, 50);
    const follower = follow(store);
    await follower.caughtUp();
    await follower.stop();
    const { rows } = await pool.query<{ id: string }>('UPDATE log.notification SET attempts = attempts + 7 WHERE notification_id = (SELECT min(notification_id::text)::uuid FROM log.notification) RETURNING notification_id AS id');
    expect(await verifyLog({ store, pool })).toMatchObject({ equal: false, different: [rows[0]!.id] });
    expect(await verifyLog({ store, pool, sample: 1000 })).toMatchObject({ equal: false, different: [rows[0]!.id] });
    const rebuilt = await rebuildLog({ store, pool });
    expect(rebuilt.equal).toBe(false);
    expect(await verifyLog({ store, pool })).toMatchObject({ equal: true });
  });

  it('gives the same log when its writer is cut off again and again, and one writer takes over from another', async () => {
    const store = createInMemoryEventStore();
    await dropAll();
    await fill(store, 200);
    const followers = [follow(store, { batchSize: 7 }), follow(store, { batchSize: 7 })];
    for (let cut = 0; cut < 15; cut += 1) {
      await until(async () => followers.some((one) => one.status()?.role === 'writer'));
      await pool.query("SELECT pg_terminate_backend(l.pid) FROM pg_locks l WHERE l.locktype = 'advisory' AND l.granted AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND l.pid <> pg_backend_pid()");
    }
    await until(async () => followers.some((one) => one.status()?.caughtUp === true));
    expect(await verifyLog({ store, pool })).toMatchObject({ equal: true });
    await Promise.all(followers.map((one) => one.stop()));
    const rebuilt = await rebuildLog({ store, pool });
    expect(rebuilt.equal).toBe(true);
  });

  it('goes on from where an interrupted rebuild stopped, refuses a second one, and comes back from dropped tables', async () => {
    const store = createInMemoryEventStore();
    await dropAll();
    await fill(store, 500);
    const follower = follow(store, { batchSize: 500 });
    await follower.caughtUp();
    const before = await sum();
    const stop = new AbortController();
    const interrupted = rebuildLog({ store, pool, flushEvery: 200, signal: stop.signal, onProgress: () => stop.abort() });
    await expect(interrupted).rejects.toMatchObject({ code: 'rebuild-stopped' });
    let second: Promise<unknown> | undefined;
    const waits: EventStore = { ...store, head: async () => { await (second ??= rebuildLog({ store, pool }).catch((error: unknown) => error)); return store.head(); } };
    expect(await rebuildLog({ store: waits, pool, flushEvery: 200 })).toMatchObject({ resumed: true, equal: true, after: before });
    expect(await second).toBeInstanceOf(RebuildRunning);
    await pool.query('DROP TABLE log.notification, log.tally');
    await fill(store, 1);
    await until(async () => follower.status()?.caughtUp === true && await sum().then(({ notifications }) => notifications >= before.notifications, () => false));
    await follower.caughtUp();
    expect(await verifyLog({ store, pool })).toMatchObject({ equal: true });
    await follower.stop();
  });

  it('builds a long history beside, as soon as the tables are gone, and shows no half of it', async () => {
    const store = createInMemoryEventStore();
    await dropAll();
    await fill(store, 100);
    const ending = new AbortController();
    let [renewed, status]: [number, FollowStatus | undefined] = [0, undefined];
    const running = followLog({
      store, pool, signal: ending.signal, retryMs: 20, longHistory: 50, onStatus: (now) => { status = now; },
      renew: async () => { renewed += 1; await rebuildLog({ store, pool }); },
    });
    await until(async () => status?.caughtUp === true);
    expect(renewed).toBe(1);
    const before = await sum();
    const reader = readingLog(pool);
    // Nobody appends anything: the writer has to notice by itself.
    await pool.query('DROP SCHEMA log CASCADE');
    const seen = new Set<number>();
    await until(async () => {
      const found = await findNotifications(reader, { limit: 500 }).catch((error: unknown) => { if (!(error instanceof LogMissing)) throw error; });
      if (found) seen.add(found.length);
      return found !== undefined;
    });
    expect([...seen]).toEqual([before.notifications]);
    expect(await sum()).toEqual(before);
    ending.abort();
    await running;
    expect(renewed).toBe(2);
  });

  it('shows the log as it was', async () => {
    const store = createInMemoryEventStore();
    await dropAll();
    await fill(store, 50);
    const client = await pool.connect();
    const follower = follow(store);
    await follower.caughtUp();
    const then = await checksum(client, 'log');
    const checkpoint = await store.head();
    await fill(store, 50);
    await follower.caughtUp();
    expect(await logAsOf({ store, pool, schema: 'log_then', stop: { checkpoint } })).toMatchObject(then);
    expect(await sum()).not.toMatchObject(then);
    client.release();
    await follower.stop();
  });

  it('finds the words of errors, many or few, page by page, in either order', async () => {
    await dropAll();
    await prepareLog(pool);
    // 2,500 errors; "mailbox" in every other one, "cracked" in the oldest and the newest only.
    await pool.query(`INSERT INTO log.notification (notification_id, attribution_id, borrower_id, type, channel, status, requested_at, error_text, version)
      SELECT gen_random_uuid(), 'l-' || i, 'b', 'RETARD', 'EMAIL', CASE WHEN i % 4 = 0 THEN 'ECHEC' ELSE 'ECHEC_PERMANENT' END, timestamptz '2026-03-01Z' + i * interval '1 min',
        CASE WHEN i IN (1, 2500) THEN 'Mail server cracked' WHEN i % 2 = 0 THEN 'Mailbox full' ELSE 'No such user' END, 1 FROM generate_series(1, 2500) i`);
    const loans = async (page: Partial<Page>) => (await findNotifications(pool, { limit: 2, ...page })).map(({ attributionId }) => attributionId);

    expect(await loans({ error: 'mailbox full' })).toEqual(['l-2498', 'l-2496']);
    expect(await loans({ error: 'cracked' })).toEqual(['l-2500', 'l-1']);
    expect(await loans({ error: 'cracked', order: 'asc' })).toEqual(['l-1', 'l-2500']);
    expect(await loans({ error: 'cracked', where: { status: ['ECHEC_PERMANENT'] } })).toEqual(['l-1']);
    expect(await loans({ error: '"no such user" -mailbox', spans: { requestedAt: { to: '2026-03-01T00:06:00Z' } } })).toEqual(['l-5', 'l-3']);
    expect(await loans({ error: 'zeppelin' })).toEqual([]);

    const all: string[] = [];
    for (let after: Page['after']; ;) {
      const rows = await findNotifications(pool, { error: 'mailbox', limit: 500, ...(after && { after }) });
      all.push(...rows.map(({ attributionId }) => attributionId));
      if (rows.length < 500) break;
      after = placeIn({ error: 'mailbox' }, rows.at(-1)!);
    }
    expect(all).toEqual(Array.from({ length: 1249 }, (_, n) => `l-${2498 - 2 * n}`));
  });
});
