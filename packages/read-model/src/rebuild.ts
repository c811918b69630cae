import type { Batch, Checkpoint, EventStore, RecordedEvent } from '@rappel/event-store';
import { lockKey, type Client, type Pool } from '@rappel/postgres';
import { applyBatch, foldInto, refusedValue } from './apply.ts';
import { checksum, type Checksum } from './checksum.ts';
import { foldEvents, noChanges, wanted, type Changes } from './fold.ts';
import type { LogRow } from './row.ts';
import { CATEGORY, createIndexes, createTables, LIVE, PROJECTION } from './schema.ts';
import { beginProgress, loadParked, loadRows, moveProgress, readProgress, writeChanges } from './tables.ts';

export interface RebuildOptions {
  readonly store: EventStore;
  readonly pool: Pool;
  readonly onProgress?: (progress: RebuildProgress) => void;
  /** Stops at the next batch; a later rebuild goes on from the last one written. */
  readonly signal?: AbortSignal;
  /** Forgets what an interrupted rebuild left. Default false: goes on from there. */
  readonly fresh?: boolean;
  /** Events folded in memory before they are written. Default 20,000. */
  readonly flushEvery?: number;
}

export interface RebuildProgress {
  readonly phase: 'fold' | 'index' | 'compare' | 'swap';
  readonly events: number;
  readonly checkpoint: Checkpoint;
  /** Events per second of this run so far. */
  readonly rate: number;
}

export interface Rebuilt {
  readonly events: number;
  readonly seconds: number;
  /** Events per second over reading, folding and writing, indexes and checksums not included. */
  readonly rate: number;
  readonly resumed: boolean;
  /** Of the live tables at the same checkpoint; absent when there were none, or none to compare. */
  readonly before?: Checksum;
  readonly after: Checksum;
  readonly equal?: boolean;
}

/** Another rebuild or verification is running. */
export class RebuildRunning extends Error {
  override readonly name = 'RebuildRunning';
  readonly code = 'rebuild-running';
}

/** The signal stopped it; what was written stays for the next one. */
export class RebuildStopped extends Error {
  override readonly name = 'RebuildStopped';
  readonly code = 'rebuild-stopped';
}

const SHADOW = 'log_rebuild';
const ROWS_KEPT = 200_000;

/**
 * Folds the whole store into tables beside the live ones, compares, and swaps them in one transaction: readers see the
 * old log or the new one, never a half-built one. Rejects with `RebuildRunning` when one is under way anywhere.
 */
export async function rebuildLog(options: RebuildOptions): Promise<Rebuilt> {
  return exclusively(options.pool, async (client) => {
    const resumed = await prepareShadow(client, options.fresh ?? false);
    const started = performance.now();
    const folded = await foldAll(client, SHADOW, options);
    const seconds = (performance.now() - started) / 1000;
    const tell = (phase: RebuildProgress['phase']) => options.onProgress?.({ ...folded, phase, rate: folded.events / seconds });
    tell('index');
    for (const sql of createIndexes(SHADOW)) await client.query(sql);
    await client.query(`ANALYZE ${SHADOW}.notification, ${SHADOW}.tally`);
    const sums = await swap(client, options, tell);
    return { events: folded.events, seconds, rate: folded.events / seconds, resumed, ...sums };
  });
}

/** One rebuild or verification at a time, over all processes. */
export async function exclusively<T>(pool: Pool, work: (client: Client) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    const { rows } = await client.query<{ held: boolean }>('SELECT pg_try_advisory_lock($1) AS held', [lockKey('rappel:rebuild:notification-log')]);
    if (!rows[0]!.held) throw new RebuildRunning('another rebuild or verification of the log is running');
    // Tables that a crash can only lose together with the rebuild itself need not wait for the disk at each step.
    await client.query('SET synchronous_commit TO off');
    return await work(client);
  } finally {
    // Closing the connection lets go as well, but only once the server has noticed: the next one may be waiting at the door.
    await client.query('ROLLBACK; SELECT pg_advisory_unlock_all()').catch(() => undefined);
    client.release(true);
  }
}

async function prepareShadow(client: Client, fresh: boolean): Promise<boolean> {
  await client.query(createTables(SHADOW));
  const left = await readProgress(client, SHADOW);
  const usable = !fresh && left?.version === PROJECTION.version;
  if (!usable) await client.query(`DROP SCHEMA ${SHADOW} CASCADE; ${createTables(SHADOW)}`);
  await beginProgress(client, SHADOW);
  return usable && left.checkpoint !== '';
}

export interface Stop {
  /** Last place to fold, inclusive. Default: the end. */
  readonly checkpoint?: Checkpoint;
  /** Last moment to fold, by when the store took the event. */
  readonly moment?: string;
}

type FoldOptions = Omit<RebuildOptions, 'pool' | 'fresh'> & { readonly stop?: Stop };

/** Folds the store into `schema` from its checkpoint to the end, or to `stop`. Memory stays flat whatever the store holds. */
export async function foldAll(client: Client, schema: string, options: FoldOptions): Promise<Folded> {
  const started = performance.now();
  let events = 0;
  for (;;) {
    const writer = createWriter(client, schema, { checkpoint: (await readProgress(client, schema))!.checkpoint, parked: await loadParked(client, schema) });
    const status = () => ({ events: events + writer.status().events, checkpoint: writer.status().checkpoint });
    try {
      await foldOnce(writer, options, () => options.onProgress?.({ phase: 'fold', ...status(), rate: status().events / ((performance.now() - started) / 1000) }));
      return status();
    } catch (error) {
      if (!refusedValue(error)) throw error;
      // A value that PostgreSQL refuses is somewhere in the part being written: take that part as the live log does.
      await client.query('ROLLBACK');
      events += await crawl(client, schema, options.store, writer.status().checkpoint);
    }
  }
}

interface Folded {
  readonly events: number;
  readonly checkpoint: Checkpoint;
}

async function foldOnce(writer: Writer, { store, signal, flushEvery = 20_000, stop = {} }: FoldOptions, tell: () => void): Promise<void> {
  const ending = new AbortController();
  try {
    for await (const batch of store.subscribe({ after: writer.status().checkpoint, categories: [CATEGORY], batchSize: 5000, signal: ending.signal })) {
      if (signal?.aborted) throw new RebuildStopped('stopped');
      const { events, last, checkpoint = writer.status().checkpoint } = upTo(batch, stop);
      await writer.fold(events, checkpoint);
      if (writer.pending() < flushEvery && !last) continue;
      await writer.flush();
      tell();
      if (last) break;
    }
    await writer.flush();
  } finally {
    ending.abort();
    await writer.idle();
  }
  tell();
}

async function crawl(client: Client, schema: string, store: EventStore, end: Checkpoint): Promise<number> {
  const before = (await readProgress(client, schema))!;
  for (let from = before.checkpoint; from < end; ) {
    const events = await store.readAll({ after: from, categories: [CATEGORY], limit: 500 });
    const to = events.at(-1)?.checkpoint ?? end;
    await applyBatch(client, schema, events, { from, to });
    from = to;
  }
  return (await readProgress(client, schema))!.events - before.events;
}

/** The part of a batch before the stop; `checkpoint` is absent when that is none of it. */
function upTo(batch: Batch, { checkpoint, moment }: Stop): { events: readonly RecordedEvent[]; last: boolean; checkpoint?: Checkpoint } {
  const events = batch.events.filter((event) => (checkpoint === undefined || event.checkpoint <= checkpoint) && (moment === undefined || event.recordedAt <= moment));
  if (events.length < batch.events.length) return { events, last: true, checkpoint: events.at(-1)?.checkpoint };
  return { events, last: batch.caughtUp || (checkpoint !== undefined && batch.checkpoint >= checkpoint), checkpoint: batch.checkpoint };
}

type Writer = ReturnType<typeof createWriter>;

/** Folds in memory and writes in the background: while PostgreSQL takes one part, the next is read and folded. */
function createWriter(client: Client, schema: string, { checkpoint: start, parked }: { checkpoint: Checkpoint; parked: Set<string> }) {
  let checkpoint = start;
  let written = start;
  let changes: Changes = noChanges();
  let recordedAt: string | undefined;
  let cache = new Map<string, LogRow>();
  let fresh = new Set<string>();
  let writing: Promise<void> = Promise.resolve();
  let total = 0;

  async function lookUp(events: readonly RecordedEvent[]): Promise<void> {
    for (const event of events) if (event.version === 1) fresh.add(event.stream);
    const missing = wanted(events.filter(({ stream }) => !fresh.has(stream))).filter((id) => !changes.rows.has(id) && !cache.has(id));
    if (missing.length === 0) return;
    await writing;
    for (const [id, row] of await loadRows(client, schema, missing)) cache.set(id, row);
  }

  async function write(part: Changes, step: { from: Checkpoint; to: Checkpoint; recordedAt?: string }): Promise<void> {
    await client.query('BEGIN');
    await writeChanges(client, schema, part);
    await moveProgress(client, schema, { ...step, events: part.events });
    await client.query('COMMIT');
  }

  return {
    pending: () => changes.events,
    status: () => ({ events: total, checkpoint }),
    idle: () => writing,
    async fold(events: readonly RecordedEvent[], to: Checkpoint): Promise<void> {
      await lookUp(events);
      const before = changes.events;
      foldEvents(events, { row: (id) => cache.get(id), parked }, changes);
      total += changes.events - before;
      checkpoint = to;
      recordedAt = events.at(-1)?.recordedAt ?? recordedAt;
    },
    async flush(): Promise<void> {
      await writing;
      if (checkpoint === written) return;
      const part = changes;
      const step = { from: written, to: checkpoint, recordedAt };
      written = checkpoint;
      // Rows being written stay at hand, so a look-up never meets a half-written part.
      if (cache.size > ROWS_KEPT) cache = new Map();
      for (const [id, row] of part.rows) cache.set(id, row);
      fresh = new Set();
      changes = noChanges();
      writing = write(part, step);
      // Awaited by the next flush; without this a failure before that would end the process.
      writing.catch(() => undefined);
    },
  };
}

async function swap(client: Client, options: RebuildOptions, tell: (phase: RebuildProgress['phase']) => void): Promise<{ before?: Checksum; after: Checksum; equal?: boolean }> {
  for (let round = 1; ; round += 1) {
    await foldAll(client, SHADOW, { ...options, onProgress: undefined });
    await client.query('BEGIN');
    try {
      await client.query("SET LOCAL lock_timeout TO '3s'");
      const sums = await compareAndSwap(client, options.store, tell);
      await client.query('COMMIT');
      return sums;
    } catch (error) {
      await client.query('ROLLBACK');
      // A long read holds the tables: let it end, and readers queued behind us go on, then try again.
      if ((error as { code?: string }).code !== '55P03' || round === 20) throw error;
    }
  }
}

async function compareAndSwap(client: Client, store: EventStore, tell: (phase: RebuildProgress['phase']) => void) {
  const exists = await client.query<{ n: number }>("SELECT count(*)::int AS n FROM pg_tables WHERE schemaname = $1 AND tablename IN ('notification', 'tally', 'poison', 'progress')", [LIVE]);
  // From here on the live writer waits; readers do not.
  const live = exists.rows[0]!.n === 4 ? await readProgress(client, LIVE, { lock: true }) : undefined;
  tell('compare');
  const comparable = live?.version === PROJECTION.version && await level(client, store, live.checkpoint);
  const after = await checksum(client, SHADOW);
  const before = comparable ? await checksum(client, LIVE) : undefined;
  tell('swap');
  await client.query(`CREATE SCHEMA IF NOT EXISTS ${LIVE}; DROP TABLE IF EXISTS ${['notification', 'tally', 'poison', 'progress'].map((table) => `${LIVE}.${table}`).join(', ')}`);
  for (const table of ['notification', 'tally', 'poison', 'progress']) await client.query(`ALTER TABLE ${SHADOW}.${table} SET SCHEMA ${LIVE}`);
  await client.query(`DROP SCHEMA ${SHADOW} CASCADE`);
  return { after, ...(before && { before, equal: before.digest === after.digest }) };
}

const MOST_TO_LEVEL = 200_000;

/** Brings the one that is behind to where the other is. False when the live log is so far behind that comparing is not worth the wait. */
async function level(client: Client, store: EventStore, live: Checkpoint): Promise<boolean> {
  const shadow = (await readProgress(client, SHADOW))!.checkpoint;
  const [schema, end] = live < shadow ? [LIVE, shadow] : [SHADOW, live];
  let from = live < shadow ? live : shadow;
  for (let folded = 0; from < end; ) {
    if (folded > MOST_TO_LEVEL) return false;
    const page = await store.readAll({ after: from, categories: [CATEGORY], limit: 1000 });
    const events = page.filter(({ checkpoint }) => checkpoint <= end);
    const to = events.length === page.length && events.length > 0 ? events.at(-1)!.checkpoint : end;
    await foldInto(client, schema, events, { from, to });
    folded += events.length;
    from = to;
  }
  return true;
}
