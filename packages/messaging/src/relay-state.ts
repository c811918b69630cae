import type { Checkpoint } from '@rappel/event-store';
import type { Pool } from '@rappel/postgres';

/** Where a relay stands, as PostgreSQL remembers it. */
export interface RelayState {
  readonly checkpoint: Checkpoint;
  readonly settled: Checkpoint;
  readonly created: string | undefined;
  readonly lastSeq: number;
}

/** Another holder of the lease has taken over; what this one knows is old. */
export class RelayFenced extends Error {
  override readonly name = 'RelayFenced';
  readonly code = 'relay-fenced';
}

export interface RelayMemory {
  readonly state: () => RelayState;
  /** Rejects with `RelayFenced` when a later holder has claimed it. */
  save(change: Partial<RelayState>): Promise<void>;
}

/** Claims the row for the holder of the lease: every earlier holder's writes are refused from here on. */
export async function claimRelay(pool: Pool, name: string): Promise<RelayMemory> {
  const { rows } = await pool.query<{ epoch: string; checkpoint: string; settled: string; created: string | null; last_seq: string }>(
    `INSERT INTO messaging.relays (name, epoch) VALUES ($1, 1)
     ON CONFLICT (name) DO UPDATE SET epoch = messaging.relays.epoch + 1, updated_at = now()
     RETURNING epoch, checkpoint, settled, created, last_seq`, [name]);
  const { epoch, checkpoint, settled, created, last_seq } = rows[0]!;
  let state: RelayState = { checkpoint, settled, created: created ?? undefined, lastSeq: Number(last_seq) };
  return {
    state: () => state,
    save: async (change) => {
      const next = { ...state, ...change };
      const { rowCount } = await pool.query(
        `UPDATE messaging.relays SET checkpoint = $3, settled = $4, created = $5, last_seq = $6, updated_at = now() WHERE name = $1 AND epoch = $2`,
        [name, epoch, next.checkpoint, next.settled, next.created ?? null, next.lastSeq]);
      if (rowCount === 0) throw new RelayFenced(`relay ${name}: another instance has taken over`);
      state = next;
    },
  };
}
