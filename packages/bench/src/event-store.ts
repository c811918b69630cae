import { randomUUID } from 'node:crypto';
import type { EventStore, NewEvent } from '@rappel/event-store';
import { createPostgresEventStore } from '@rappel/event-store-postgres';
import pg from 'pg';

export interface BenchRow {
  readonly name: string;
  readonly perSecond: number;
  /** Of one call, in ms. */
  readonly p50?: number;
  readonly p99?: number;
}

export interface EventStoreBenchOptions {
  /** A PostgreSQL database that may be filled. */
  readonly url: string;
  /** Length of each measurement. Default 3. */
  readonly seconds?: number;
}

const data = () => ({
  attributionId: randomUUID(), borrowerId: randomUUID(), item: { code: 'PC-042', name: 'Portable Dell Latitude 5420' },
  type: 'RAPPEL_J1', channel: 'EMAIL', dueVersion: 1, occurrence: 1, at: '2026-03-28T08:00:00.000Z', validUntil: '2026-03-28T18:00:00.000Z',
});
const event = (): NewEvent => ({ id: randomUUID(), type: 'NotificationRequested', data: data(), metadata: { correlationId: randomUUID(), causationId: randomUUID() } });
const batchOf = (size: number) => Array.from({ length: size }, event);

/** Appends per second (1, 8, 128 writers, batches of 100) beside a raw INSERT; reading everything beside a raw SELECT; a live subscription. */
export async function benchEventStore({ url, seconds = 3 }: EventStoreBenchOptions): Promise<BenchRow[]> {
  const store = createPostgresEventStore({ connectionString: url });
  const raw = new pg.Pool({ connectionString: url, max: 8 });
  raw.on('error', () => undefined);
  try {
    await store.head();
    const rows: BenchRow[] = [];
    for (const writers of [1, 8, 128]) rows.push({ name: `append, ${writers} writers`, ...await measureAppends(store, { writers, size: 1, seconds }) });
    rows.push({ name: 'append, batches of 100, 8 writers', ...await measureAppends(store, { writers: 8, size: 100, seconds }) });
    rows.push({ name: 'raw INSERT, batches of 100, 8 writers', ...await measureRawInserts(raw, seconds) });
    rows.push({ name: 'subscription, catching up', ...await measureCatchUp(store) });
    rows.push({ name: 'raw SELECT of the same events', ...await measureRawSelect(raw) });
    rows.push({ name: 'live: append to subscriber of another store', ...await measureLive(store, url) });
    return rows;
  } finally {
    await raw.end();
    await store.close();
  }
}

async function measureAppends(store: EventStore, { writers, size, seconds }: { writers: number; size: number; seconds: number }) {
  return timed(writers, seconds, async () => {
    await store.append(`notification-${randomUUID()}`, batchOf(size), 0);
    return size;
  });
}

async function measureRawInserts(pool: pg.Pool, seconds: number) {
  await pool.query('DROP TABLE IF EXISTS raw_events; CREATE TABLE raw_events (position bigserial PRIMARY KEY, stream text NOT NULL, version int NOT NULL, id uuid NOT NULL, type text NOT NULL, data json NOT NULL, metadata json, recorded_at timestamptz NOT NULL DEFAULT now(), UNIQUE (stream, version))');
  const insert = 'INSERT INTO raw_events (stream, version, id, type, data, metadata) SELECT $1, * FROM unnest($2::int[], $3::uuid[], $4::text[], $5::json[], $6::json[])';
  const result = await timed(8, seconds, async () => {
    const events = batchOf(100);
    await pool.query({ name: 'raw', text: insert, values: [
      randomUUID(), events.map((_, i) => i + 1), events.map(({ id }) => id), events.map(({ type }) => type),
      events.map((e) => JSON.stringify(e.data)), events.map((e) => JSON.stringify(e.metadata)),
    ] });
    return 100;
  });
  await pool.query('DROP TABLE raw_events');
  return result;
}

async function measureCatchUp(store: EventStore) {
  const head = await store.head();
  const started = performance.now();
  let count = 0;
  for await (const { events, caughtUp, checkpoint } of store.subscribe({ batchSize: 1000 })) {
    count += events.length;
    if (caughtUp && checkpoint >= head) break;
  }
  return { perSecond: count / ((performance.now() - started) / 1000) };
}

async function measureRawSelect(pool: pg.Pool) {
  const started = performance.now();
  let count = 0;
  for (let position = '0', size = 1000; size === 1000; count += size) {
    const { rows } = await pool.query<{ position: string }>({
      name: 'select', text: 'SELECT position, stream, version, id, type, data, metadata FROM event_store.events WHERE position > $1 ORDER BY position LIMIT 1000', values: [position],
    });
    size = rows.length;
    position = rows.at(-1)?.position ?? position;
  }
  return { perSecond: count / ((performance.now() - started) / 1000) };
}

/** One event every 10 ms; the time from the call of append to its arrival at another store's subscriber. */
async function measureLive(store: EventStore, url: string) {
  const other = createPostgresEventStore({ connectionString: url });
  const sent = new Map<string, number>();
  const times: number[] = [];
  const stop = new AbortController();
  const after = await other.head();
  const reading = (async () => {
    for await (const { events } of other.subscribe({ after, signal: stop.signal })) {
      for (const { id } of events) times.push(performance.now() - (sent.get(id) ?? Number.NaN));
      if (times.length >= 200) return;
    }
  })();
  await new Promise((resolve) => { setTimeout(resolve, 500); });
  for (let i = 0; i < 200; i++) {
    const next = event();
    sent.set(next.id, performance.now());
    await store.append(`live-${randomUUID()}`, [next], 0);
    await new Promise((resolve) => { setTimeout(resolve, 10); });
  }
  await reading;
  stop.abort();
  await other.close();
  return { perSecond: 100, ...percentiles(times) };
}

async function timed(writers: number, seconds: number, once: () => Promise<number>) {
  let count = 0;
  const times: number[] = [];
  const started = performance.now();
  const warm = started + 500;
  const end = warm + seconds * 1000;
  await Promise.all(Array.from({ length: writers }, async () => {
    for (let now = performance.now(); now < end;) {
      const size = await once();
      const after = performance.now();
      if (now >= warm) { count += size; times.push(after - now); }
      now = after;
    }
  }));
  return { perSecond: count / ((performance.now() - warm) / 1000), ...percentiles(times) };
}

function percentiles(times: number[]): { p50: number; p99: number } {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(Math.floor(sorted.length * share), sorted.length - 1)] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99) };
}
