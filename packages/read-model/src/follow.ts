import type { Checkpoint, EventStore } from '@rappel/event-store';
import { lockKey, type Client, type Pool } from '@rappel/postgres';
import { applyBatch } from './apply.ts';
import { CATEGORY, LIVE, prepareLog, PROJECTION } from './schema.ts';
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
  /** Real milliseconds between two transactions once caught up: what comes meanwhile shares the next one. The first after a pause goes at once. Default 25. */
  readonly restMs?: number;
  /** Most events in a transaction. Default 500. */
  readonly batchSize?: number;
  /** Brings the tables to this code's version when they are of another. Default: wait for an operator. */
  readonly renew?: () => Promise<void>;
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

async function write({ store, pool, onStatus, batchSize = 500, restMs = 25, renew, retryMs = 1000 }: FollowOptions, client: Client, signal: AbortSignal): Promise<void> {
  await dropIfHalfGone(client);
  await prepareLog(pool);
  await beginProgress(client, LIVE);
  const progress = (await readProgress(client, LIVE))!;
  if (progress.version !== PROJECTION.version) {
    if (renew) await renew();
    else await pause(retryMs, signal);
    return;
  }
  let { checkpoint } = progress;
  onStatus?.({ role: 'writer', checkpoint, caughtUp: false });
  for await (const batch of store.subscribe({ after: checkpoint, categories: [CATEGORY], batchSize, signal })) {
    if (batch.events.length > 0) await applyBatch(client, LIVE, batch.events, { from: checkpoint, to: batch.checkpoint });
    else if (batch.checkpoint !== checkpoint) await moveProgress(client, LIVE, { from: checkpoint, to: batch.checkpoint, events: 0 });
    checkpoint = batch.checkpoint;
    onStatus?.({ role: 'writer', checkpoint, caughtUp: batch.caughtUp });
    if (batch.caughtUp) await pause(restMs, signal);
  }
}

/** Rows that somebody dropped cannot be filled from the middle: without them the checkpoint goes too, and all is folded again. */
async function dropIfHalfGone(client: Client): Promise<void> {
  const tables = ['notification', 'tally', 'poison', 'progress'];
  const { rows } = await client.query<{ n: number }>('SELECT count(*)::int AS n FROM pg_tables WHERE schemaname = $1 AND tablename = ANY($2)', [LIVE, tables]);
  if (rows[0]!.n > 0 && rows[0]!.n < tables.length) await client.query(`DROP TABLE IF EXISTS ${tables.map((table) => `${LIVE}.${table}`).join(', ')}`);
}

export const pause = (ms: number, signal: AbortSignal): Promise<void> => new Promise((resolve) => {
  if (signal.aborted) return resolve();
  const done = () => { clearTimeout(timer); signal.removeEventListener('abort', done); resolve(); };
  const timer = setTimeout(done, ms);
  signal.addEventListener('abort', done);
});
