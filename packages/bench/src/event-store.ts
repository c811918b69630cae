import { randomUUID } from 'node:crypto';
import type { EventStore, NewEvent } from '@rappel/event-store';
import { createPostgresEventStore } from '@rappel/event-store-postgres';
import { until } from '@rappel/local-stack';
import { createPool, type Pool } from '@rappel/postgres';
import { openEmmett, type Emmett } from './emmett.ts';
import type { Context, Part } from './context.ts';
import { compare, eachOf, median, percentile, takeTurns, type Figure, type Row } from './figures.ts';

const data = () => ({
  attributionId: randomUUID(), borrowerId: randomUUID(), item: { code: 'PC-042', name: 'Portable Dell Latitude 5420' },
  type: 'RAPPEL_J1', channel: 'EMAIL', dueVersion: 1, occurrence: 1, at: '2026-03-28T08:00:00.000Z', validUntil: '2026-03-28T18:00:00.000Z',
});
const event = (): NewEvent => ({ id: randomUUID(), type: 'NotificationRequested', data: data(), metadata: { correlationId: randomUUID(), causationId: randomUUID() } });
const batchOf = (size: number) => Array.from({ length: size }, event);

interface Stores {
  readonly store: EventStore;
  readonly emmett: Emmett;
  readonly raw: Pool;
  readonly url: string;
}

/** Rappel's store, Emmett's and a plain table, in one database of one durable server. */
async function withStores({ hosts }: Context, work: (stores: Stores) => Promise<Row[]>): Promise<Row[]> {
  const { url, stop } = await hosts.server();
  const store = createPostgresEventStore({ connectionString: url });
  const raw = createPool(url, { max: 8 });
  const emmett = await openEmmett(url);
  try {
    await store.head();
    await raw.query('CREATE TABLE raw_events (position bigserial PRIMARY KEY, stream text NOT NULL, version int NOT NULL, id uuid NOT NULL, type text NOT NULL, data json NOT NULL, metadata json, recorded_at timestamptz NOT NULL DEFAULT now(), UNIQUE (stream, version))');
    return await work({ store, emmett, raw, url });
  } finally {
    await emmett.close();
    await raw.end();
    await store.close();
    await stop();
  }
}

/** Appends by 1, 8 and 128 writers and in batches, beside Emmett and a raw INSERT; the way of an event to another process. */
export const eventStore: Part = (context) => withStores(context, async (stores) => {
  const rows: Row[] = [];
  for (const writers of [1, 8, 128]) rows.push(...await appendRows(stores, { writers, size: 1, context }));
  rows.push(...await appendRows(stores, { writers: 8, size: 100, context }));
  rows.push(await liveRow(stores, context));
  return rows;
});

interface Appending { readonly writers: number; readonly size: number; readonly context: Context }

async function appendRows({ store, emmett, raw }: Stores, { writers, size, context }: Appending): Promise<Row[]> {
  const seconds = context.smoke ? 0.2 : 3;
  const times: { p50: number; p99: number }[] = [];
  const timed = async (once: () => Promise<unknown>) => repeat(writers, seconds, once).then(({ calls, ...latencies }) => ({ ...latencies, perSecond: calls * size }));
  const samples = await takeTurns([
    { name: 'raw INSERT', run: async () => (await timed(() => insertRaw(raw, size))).perSecond },
    { name: 'Emmett 0.42.0', run: async () => (await timed(() => emmett.append(`notification-${randomUUID()}`, batchOf(size)))).perSecond },
    {
      name: 'Rappel',
      run: async () => {
        const result = await timed(() => store.append(`notification-${randomUUID()}`, batchOf(size), 0));
        times.push(result);
        return result.perSecond;
      },
    },
  ], context);
  const what = `append, ${writers} writer${writers > 1 ? 's' : ''}${size > 1 ? `, batches of ${size}` : ''}`;
  const note = `p50 ${median(times.map(({ p50 }) => p50)).toFixed(1)} ms, p99 ${median(times.map(({ p99 }) => p99)).toFixed(1)} ms`;
  const common = { name: what, unit: '/s', ours: 'Rappel' } as const;
  return [
    { ...compare(samples, { ...common, beside: 'Emmett 0.42.0', note, ...(writers > 1 && size === 1 && { target: `≥ 4${writers === 128 ? ' and ≥ 20,000/s' : ''}`, reached: (ratio, value) => ratio >= 4 && (writers !== 128 || value >= 20_000) }) }) },
    compare(samples, { ...common, beside: 'raw INSERT', ...(size > 1 && { target: '≥ 0.6', reached: (ratio) => ratio >= 0.6 }) }),
  ];
}

async function insertRaw(pool: Pool, size: number): Promise<void> {
  const events = batchOf(size);
  await pool.query({
    name: 'raw', text: 'INSERT INTO raw_events (stream, version, id, type, data, metadata) SELECT $1, * FROM unnest($2::int[], $3::uuid[], $4::text[], $5::json[], $6::json[])',
    values: [
      randomUUID(), events.map((_, i) => i + 1), events.map(({ id }) => id), events.map(({ type }) => type),
      events.map((e) => JSON.stringify(e.data)), events.map((e) => JSON.stringify(e.metadata)),
    ],
  });
}

/** Everything from the first event on: Rappel's subscription, Emmett's consumer, pages of a plain SELECT. */
export const subscription: Part = (context) => withStores(context, async ({ store, emmett, raw }) => {
  const count = context.smoke ? 500 : 100_000;
  const peerCount = context.smoke ? 300 : 3000;
  await eachOf(Math.ceil(count / 100), 16, () => store.append(`notification-${randomUUID()}`, batchOf(100), 0));
  await eachOf(Math.ceil(peerCount / 100), 4, () => emmett.append(`notification-${randomUUID()}`, batchOf(100)));
  const samples = await takeTurns([
    { name: 'raw SELECT', run: () => selectAll(raw) },
    { name: 'Emmett 0.42.0', run: () => emmett.consume(peerCount) },
    { name: 'Rappel', run: () => readAll(store) },
  ], context);
  const common = { name: `subscription, catching up with ${count} events`, unit: '/s', ours: 'Rappel' } as const;
  return [
    compare(samples, { ...common, beside: 'raw SELECT', target: '≥ 0.4', reached: (ratio) => ratio >= 0.4 }),
    compare(samples, { ...common, beside: 'Emmett 0.42.0' }),
  ];
});

async function readAll(store: EventStore): Promise<number> {
  const head = await store.head();
  const started = performance.now();
  let count = 0;
  for await (const { events, caughtUp, checkpoint } of store.subscribe({ batchSize: 1000 })) {
    count += events.length;
    if (caughtUp && checkpoint >= head) break;
  }
  return count / ((performance.now() - started) / 1000);
}

async function selectAll(pool: Pool): Promise<number> {
  const started = performance.now();
  let count = 0;
  for (let position = '0', size = 1000; size === 1000; count += size) {
    const { rows } = await pool.query<{ position: string }>({
      name: 'select', text: 'SELECT position, stream, version, id, type, data, metadata FROM event_store.events WHERE position > $1 ORDER BY position LIMIT 1000', values: [position],
    });
    size = rows.length;
    position = rows.at(-1)?.position ?? position;
  }
  return count / ((performance.now() - started) / 1000);
}

/** One event every 10 ms; the time from the call of append to its arrival at another store's subscriber. */
async function liveRow({ store, raw, url }: Stores, { smoke }: Context): Promise<Figure> {
  const count = smoke ? 10 : 200;
  const other = createPostgresEventStore({ connectionString: url });
  const sent = new Map<string, number>();
  const times: number[] = [];
  const after = await other.head();
  const reading = (async () => {
    for await (const { events } of other.subscribe({ after })) {
      for (const { id } of events) times.push(performance.now() - (sent.get(id) ?? Number.NaN));
      if (times.length >= count) return;
    }
  })();
  // From here on news comes at once, not by the poll.
  await until('the listener', async () => ((await raw.query("SELECT FROM pg_stat_activity WHERE query LIKE 'LISTEN %'")).rowCount ? true : undefined));
  for (let i = 0; i < count; i++) {
    const next = event();
    sent.set(next.id, performance.now());
    await store.append(`live-${randomUUID()}`, [next], 0);
    await new Promise((resolve) => { setTimeout(resolve, 10); });
  }
  await reading;
  await other.close();
  return { name: 'append → subscriber of another process, 100/s, p50', unit: 'ms', value: percentile(times, 0.5), note: `p99 ${percentile(times, 0.99).toFixed(1)} ms` };
}

async function repeat(writers: number, seconds: number, once: () => Promise<unknown>): Promise<{ calls: number; p50: number; p99: number }> {
  const times: number[] = [];
  const started = performance.now();
  const end = started + seconds * 1000;
  await Promise.all(Array.from({ length: writers }, async () => {
    for (let now = performance.now(); now < end;) {
      await once();
      const after = performance.now();
      times.push(after - now);
      now = after;
    }
  }));
  return { calls: times.length / ((performance.now() - started) / 1000), p50: percentile(times, 0.5), p99: percentile(times, 0.99) };
}
