import type { Pool } from '@rappel/postgres';
import { isMissing, readingLog } from './reader.ts';
import { LIVE } from './schema.ts';
import { logTypes, readProgress, type Progress } from './tables.ts';

/** How far the live log has come and what it set aside. Undefined where it was never written. */
export async function logState(pool: Pool): Promise<(Progress & { poison: number }) | undefined> {
  const client = await pool.connect();
  try {
    const progress = await readProgress(client, LIVE);
    if (!progress) return undefined;
    const { rows } = await client.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${LIVE}.poison`);
    return { ...progress, poison: rows[0]!.n };
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  } finally {
    client.release();
  }
}

export interface SetAside {
  readonly stream: string;
  readonly version: number;
  readonly eventId: string;
  readonly type: string;
  readonly checkpoint: string;
  readonly reason: string;
  readonly recordedAt: string;
}

/** The events that the live log could not take, oldest first. */
export async function setAside(pool: Pool, limit = 200): Promise<SetAside[]> {
  const { rows } = await readingLog(pool).query<SetAside>({
    text: `SELECT stream, version, event_id AS "eventId", type, checkpoint, reason, recorded_at AS "recordedAt" FROM ${LIVE}.poison ORDER BY recorded_at, stream, version LIMIT $1`,
    values: [limit], types: logTypes,
  });
  return rows;
}
