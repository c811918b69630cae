import type { Checkpoint, EventStore } from '@rappel/event-store';
import { lockKey, type Client, type Pool } from '@rappel/postgres';
import { foldInto } from './apply.ts';
import { crawl, foldAll, stopIf, type RebuildProgress } from './bulk.ts';
import { checksum, type Checksum } from './checksum.ts';
import { CATEGORIES, createIndexes, createTables, LIVE, PROJECTION } from './schema.ts';
import { logState } from './state.ts';
import { beginProgress, readProgress } from './tables.ts';

export interface RebuildOptions {
  readonly store: EventStore;
  readonly pool: Pool;
  readonly onProgress?: (progress: RebuildProgress) => void;
  /** Stops at the next batch; a later rebuild goes on from the last one written. */
  readonly signal?: AbortSignal;
  /** Forgets what an interrupted rebuild left. Default false: goes on from there. */
  readonly fresh?: boolean;
  /** Events folded in memory before they are written. Default 40,000. */
  readonly flushEvery?: number;
}

export interface Rebuilt {
  readonly events: number;
  readonly seconds: number;
  /** Events per second over reading, folding, writing and counting; indexes and checksums not included. */
  readonly rate: number;
  /** From beginning to end: indexes, both checksums and the swap included. */
  readonly totalSeconds: number;
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

const SHADOW = 'log_rebuild';

/**
 * Folds the whole store into tables beside the live ones, compares, and swaps them in one transaction: readers see the
 * old log or the new one, never a half-built one. Rejects with `RebuildRunning` when one is under way anywhere.
 */
export async function rebuildLog(options: RebuildOptions): Promise<Rebuilt> {
  return exclusively(options.pool, async (client) => {
    const resumed = await prepareShadow(client, options.fresh ?? false);
    const total = (await logState(options.pool))?.events;
    const onProgress = (progress: RebuildProgress) => options.onProgress?.({ ...progress, ...(total && { total }) });
    const started = performance.now();
    const folded = await foldAll(client, SHADOW, { ...options, onProgress });
    const seconds = (performance.now() - started) / 1000;
    const tell = (phase: RebuildProgress['phase']) => onProgress({ ...folded, phase, rate: folded.events / seconds });
    stopIf(options.signal);
    tell('index');
    for (const sql of createIndexes(SHADOW)) await client.query(sql);
    await client.query(`ANALYZE ${SHADOW}.notification, ${SHADOW}.tally`);
    const sums = await swap(client, options, tell);
    return { events: folded.events, seconds, rate: folded.events / seconds, totalSeconds: (performance.now() - started) / 1000, resumed, ...sums };
  });
}

/** One rebuild or verification at a time, over all processes. */
export async function exclusively<T>(pool: Pool, work: (client: Client) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    const { rows } = await client.query<{ held: boolean }>('SELECT pg_try_advisory_lock($1) AS held', [lockKey('rappel:rebuild:notification-log')]);
    if (!rows[0]!.held) throw new RebuildRunning('another rebuild or verification of the log is running');
    // Tables that a crash can only lose together with the rebuild itself need not wait for the disk at each step.
    // One session with room to sort and group: the defaults are made for many small ones.
    await client.query("SET synchronous_commit TO off; SET jit TO off; SET work_mem TO '128MB'; SET maintenance_work_mem TO '256MB'");
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

async function swap(client: Client, options: RebuildOptions, tell: (phase: RebuildProgress['phase']) => void): Promise<{ before?: Checksum; after: Checksum; equal?: boolean }> {
  for (let round = 1; ; round += 1) {
    await crawl(client, SHADOW, options.store, await options.store.head());
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
    const page = await store.readAll({ after: from, categories: CATEGORIES, limit: 1000 });
    const events = page.filter(({ checkpoint }) => checkpoint <= end);
    const to = events.length === page.length && events.length > 0 ? events.at(-1)!.checkpoint : end;
    await foldInto(client, schema, events, { from, to });
    folded += events.length;
    from = to;
  }
  return true;
}
