import type { Checkpoint, EventStore } from '@rappel/event-store';
import { lockKey, type Client, type Pool } from '@rappel/postgres';
import { applyBatch } from './apply.ts';
import { CATEGORIES, LIVE, prepareLog, PROJECTION } from './schema.ts';
import { beginProgress, CheckpointMoved, moveProgress, readProgress } from './tables.ts';

export interface FollowOptions {
  readonly store: EventStore;
  readonly pool: Pool;
  /** Ends it; it resolves when what is in flight is written. */
  readonly signal: AbortSignal;
  /** Told after each batch and each change of role. */
  readonly onStatus?: (status: FollowStatus) => void;
  /** What went wrong before the next try. */
  readonly onError?: (error: unknown) => void;
  /** Real milliseconds between two tries to become the writer or to come back after an error. Default 1000. */
  readonly retryMs?: number;
  /**
   * Real milliseconds between two transactions once caught up: what comes meanwhile shares the next one, and a notification whose
   * events share one is written once. One more for each event of the last one, up to five times as long. The first after a pause goes at once. Default 100.
   */
  readonly restMs?: number;
  /** Most events in a transaction. Default 2000. */
  readonly batchSize?: number;
  /** Builds the tables when they are of another version, or missing with a long history to fold. Default: wait for an operator; fold step by step. */
  readonly renew?: () => Promise<void>;
  /** From how many events on a missing log is built by `renew` and not step by step. Default 5000. */
  readonly longHistory?: number;
}

export interface FollowStatus {
  /** One `writer` at a time over all instances; a `standby` takes over when it is gone. */
  readonly role: 'starting' | 'writer' | 'standby' | 'stopped';
  readonly checkpoint: Checkpoint;
  readonly caughtUp: boolean;
}

/**
 * Keeps the log up to date: folds every event of the store's notifications into the live tables, in order, each batch in
 * one transaction with the checkpoint. Survives lost connections, a swapped generation and dropped tables.
 */
export async function followLog(options: FollowOptions): Promise<void> {
  const { signal, onStatus, onError, retryMs = 1000 } = options;
  while (!signal.aborted) {
    try {
      await asWriter(options);
    } catch (error) {
      if (!(error instanceof CheckpointMoved)) {
        onError?.(error);
        await pause(retryMs, signal);
      }
    }
  }
  onStatus?.({ role: 'stopped', checkpoint: '', caughtUp: false });
}

async function asWriter(options: FollowOptions): Promise<void> {
  const { pool, signal, onStatus, retryMs = 1000 } = options;
  const client = await pool.connect();
  const lost = new AbortController();
  const onLost = () => lost.abort();
  client.on('error', onLost);
  try {
    // Held by the very connection that writes: whoever loses it cannot write either.
    const { rows } = await client.query<{ held: boolean }>('SELECT pg_try_advisory_lock($1) AS held', [writerLock]);
    if (!rows[0]!.held) {
      onStatus?.({ role: 'standby', checkpoint: '', caughtUp: false });
      await pause(retryMs, signal);
      return;
    }
    await write(options, client, AbortSignal.any([signal, lost.signal]));
  } finally {
    client.off('error', onLost);
    // Closing it lets go of the lock, also after an error.
    client.release(true);
  }
}

const writerLock = lockKey(`rappel:projection:${PROJECTION.name}:${PROJECTION.version}`);

async function write(options: FollowOptions, client: Client, signal: AbortSignal): Promise<void> {
  const checkpoint = await startingPoint(options, client, signal);
  if (checkpoint === undefined) return;
  const there = whileThere(options.pool, signal, options.retryMs ?? 1000);
  try {
    await followFrom(checkpoint, options, client, there.signal);
  } finally {
    there.stop();
  }
}

/** Where to go on; undefined when the tables had to be renewed first. */
async function startingPoint({ store, pool, longHistory = 5000, renew, retryMs = 1000 }: FollowOptions, client: Client, signal: AbortSignal): Promise<Checkpoint | undefined> {
  const none = await dropIfHalfGone(client);
  // A long history is built beside and swapped in whole: nobody reads half of it, and it takes a fraction of the time.
  if (none && renew && await holds(store, longHistory)) {
    await renew();
    return undefined;
  }
  await prepareLog(pool);
  await beginProgress(client, LIVE);
  const { version, checkpoint } = (await readProgress(client, LIVE))!;
  if (version === PROJECTION.version) return checkpoint;
  await (renew ? renew() : pause(retryMs, signal));
  return undefined;
}

async function followFrom(start: Checkpoint, { store, onStatus, batchSize = 2000, restMs = 100 }: FollowOptions, client: Client, signal: AbortSignal): Promise<void> {
  let checkpoint = start;
  onStatus?.({ role: 'writer', checkpoint, caughtUp: false });
  for await (const batch of store.subscribe({ after: checkpoint, categories: CATEGORIES, batchSize, signal })) {
    if (batch.events.length > 0) await applyBatch(client, LIVE, batch.events, { from: checkpoint, to: batch.checkpoint });
    else if (batch.checkpoint !== checkpoint) await moveProgress(client, LIVE, { from: checkpoint, to: batch.checkpoint, events: 0 });
    checkpoint = batch.checkpoint;
    onStatus?.({ role: 'writer', checkpoint, caughtUp: batch.caughtUp });
    if (batch.caughtUp && batch.events.length > 0) await pause(Math.min(restMs + batch.events.length, 5 * restMs), signal);
  }
}

const holds = async (store: EventStore, events: number): Promise<boolean> => (await store.readAll({ categories: CATEGORIES, limit: events })).length === events;

/** Ends when the tables are gone, which a quiet log would not notice before the next event. */
function whileThere(pool: Pool, outer: AbortSignal, everyMs: number): { signal: AbortSignal; stop: () => void } {
  const gone = new AbortController();
  const look = async (): Promise<void> => {
    const { rows } = await pool.query<{ there: boolean }>('SELECT to_regclass($1) IS NOT NULL AS there', [`${LIVE}.notification`]);
    if (!rows[0]!.there) gone.abort();
  };
  // While the database is away there is no news.
  const timer = setInterval(() => { look().catch(() => undefined); }, everyMs);
  return { signal: AbortSignal.any([outer, gone.signal]), stop: () => clearInterval(timer) };
}

/** Rows that somebody dropped cannot be filled from the middle: without them the checkpoint goes too, and all is folded again. True when there is no log (any more). */
async function dropIfHalfGone(client: Client): Promise<boolean> {
  const tables = ['notification', 'tally', 'poison', 'progress'];
  const { rows } = await client.query<{ n: number }>('SELECT count(*)::int AS n FROM pg_tables WHERE schemaname = $1 AND tablename = ANY($2)', [LIVE, tables]);
  if (rows[0]!.n > 0 && rows[0]!.n < tables.length) await client.query(`DROP TABLE IF EXISTS ${tables.map((table) => `${LIVE}.${table}`).join(', ')}`);
  return rows[0]!.n < tables.length;
}

export const pause = (ms: number, signal: AbortSignal): Promise<void> => new Promise((resolve) => {
  if (signal.aborted) return resolve();
  const done = () => { clearTimeout(timer); signal.removeEventListener('abort', done); resolve(); };
  const timer = setTimeout(done, ms);
  signal.addEventListener('abort', done);
});
