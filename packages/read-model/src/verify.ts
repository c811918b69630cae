import type { Checkpoint, EventStore } from '@rappel/event-store';
import type { Client, Pool } from '@rappel/postgres';
import { notificationStream } from '@rappel/notification';
import { randomUUID } from 'node:crypto';
import { checksum, type Checksum } from './checksum.ts';
import type { Stop } from './as-of.ts';
import { foldAll, type RebuildProgress } from './bulk.ts';
import { exclusively } from './rebuild.ts';
import { redact, redactedBefore } from './redaction.ts';
import { foldRow, type LogRow } from './row.ts';
import { createIndexes, createTables, LIVE, rowColumns } from './schema.ts';
import { beginProgress, logTypes, readProgress, selectRows } from './tables.ts';

export interface Verified {
  readonly equal: boolean;
  readonly checked: number;
  readonly checkpoint: Checkpoint;
  /** Notifications that differ, at most 20. */
  readonly different: readonly string[];
  /** Only when all was verified. */
  readonly live?: Checksum;
  readonly folded?: Checksum;
}

export interface VerifyOptions {
  readonly store: EventStore;
  readonly pool: Pool;
  /** How many notifications to draw; default: all, by folding the whole store beside the live tables. */
  readonly sample?: number;
  readonly onProgress?: (progress: RebuildProgress) => void;
  readonly signal?: AbortSignal;
}

/** Compares the live log with what the store's events say, while it goes on being written. */
export async function verifyLog(options: VerifyOptions): Promise<Verified> {
  return options.sample === undefined ? verifyAll(options) : verifySample(options, options.sample);
}

async function verifySample({ store, pool }: VerifyOptions, sample: number): Promise<Verified> {
  const client = await pool.connect();
  try {
    // One moment for all: a retention run may be taken in meanwhile.
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const checkpoint = (await readProgress(client, LIVE))?.checkpoint ?? '';
    const before = await redactedBefore(client);
    // Random UUIDs: whatever follows a random id (round the end, from the start) is a fair draw, without reading the whole table.
    const { rows } = await client.query<LogRow>({
      text: `(${selectRows('n')} FROM ${LIVE}.notification n WHERE notification_id >= $2 ORDER BY notification_id LIMIT $1)
        UNION ALL (${selectRows('n')} FROM ${LIVE}.notification n WHERE notification_id < $2 ORDER BY notification_id LIMIT $1) LIMIT $1`,
      values: [sample, randomUUID()], types: logTypes,
    });
    await client.query('COMMIT');
    const verdicts = await Promise.all(rows.map(async (row) => ({ id: row.notificationId, same: await foldsTo(store, row, before) })));
    const different = verdicts.filter(({ same }) => !same).map(({ id }) => id);
    return { equal: different.length === 0, checked: rows.length, checkpoint, different: different.slice(0, 20) };
  } finally {
    client.release(true);
  }
}

async function foldsTo(store: EventStore, row: LogRow, before: string | undefined): Promise<boolean> {
  const events = await store.readStream(notificationStream(row.notificationId), { limit: row.version });
  const folded = events.reduce<LogRow | undefined>(foldRow, undefined);
  if (folded) redact(folded, before);
  return folded !== undefined && Object.keys(rowColumns).every((key) => canonical(folded[key as keyof LogRow]) === canonical(row[key as keyof LogRow]));
}

/** JSON with sorted keys: jsonb does not keep the order that an event had. */
const canonical = (value: unknown): string => JSON.stringify(value, (_, inner: unknown) =>
  (inner !== null && typeof inner === 'object' ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner));

const SCRATCH = 'log_verify';

async function verifyAll({ store, pool, onProgress, signal }: VerifyOptions): Promise<Verified> {
  return exclusively(pool, (client) => inScratch(client, SCRATCH, async () => {
    const { live, checkpoint, redactBefore } = await snapshot(pool);
    await foldAll(client, SCRATCH, { store, onProgress, signal, stop: { checkpoint }, redactBefore });
    const folded = await checksum(client, SCRATCH);
    const equal = folded.digest === live.digest;
    return { equal, checked: live.notifications, checkpoint, live, folded, different: equal ? [] : await differences(client) };
  }));
}

/** Checksum and checkpoint of one and the same moment. */
async function snapshot(pool: Pool): Promise<{ live: Checksum; checkpoint: Checkpoint; redactBefore: string | undefined }> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const checkpoint = (await readProgress(client, LIVE))?.checkpoint ?? '';
    const redactBefore = await redactedBefore(client);
    const live = await checksum(client, LIVE);
    await client.query('COMMIT');
    return { live, checkpoint, redactBefore };
  } finally {
    client.release(true);
  }
}

/** Rows changed since the snapshot have another version by now and are not compared. */
async function differences(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ id: string }>(
    `SELECT coalesce(l.notification_id, s.notification_id) AS id FROM ${LIVE}.notification l FULL JOIN ${SCRATCH}.notification s USING (notification_id)
     WHERE l.notification_id IS NULL OR (l.version = s.version AND l::text <> s::text) OR (s.notification_id IS NULL AND l.updated_at <= (SELECT max(updated_at) FROM ${SCRATCH}.notification)) LIMIT 20`,
  );
  return rows.map(({ id }) => id);
}

async function inScratch<T>(client: Client, schema: string, work: () => Promise<T>): Promise<T> {
  await client.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE; ${createTables(schema)}`);
  await beginProgress(client, schema);
  try {
    return await work();
  } finally {
    await client.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`).catch(() => undefined);
  }
}

export interface AsOfOptions extends Omit<VerifyOptions, 'sample'> {
  readonly stop: Stop;
  /** Where to put it: a schema of letters, digits and `_` that begins with `log_`. It stays until somebody drops it. */
  readonly schema: string;
}

/** The whole log as it was at a position or moment, as tables of their own to query. */
export async function logAsOf({ store, pool, schema, stop, onProgress, signal }: AsOfOptions): Promise<Checksum & { checkpoint: Checkpoint }> {
  if (!/^log_[a-z0-9_]{1,40}$/.test(schema) || schema === SCRATCH || schema === 'log_rebuild') throw new RangeError('the schema is called log_ and letters, digits or _');
  return exclusively(pool, async (client) => {
    await client.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE; ${createTables(schema)}`);
    await beginProgress(client, schema);
    const { checkpoint } = await foldAll(client, schema, { store, onProgress, signal, stop });
    for (const sql of createIndexes(schema)) await client.query(sql);
    return { ...await checksum(client, schema), checkpoint };
  });
}
