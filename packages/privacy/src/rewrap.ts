import type { Pool } from '@rappel/postgres';
import type { KeyRow } from './key-ring.ts';
import { unwrapKey, wrapKey } from './key-ring.ts';
import type { MasterKeys } from './master-keys.ts';

/** Moves every data key under the current master key, 500 at a time. Safe beside running services and to run again. */
export async function rewrapKeys(pool: Pool, masterKeys: MasterKeys): Promise<number> {
  const { current } = masterKeys;
  for (let moved = 0, after = ''; ;) {
    const { rows } = await pool.query<KeyRow>(
      'SELECT subject, key_id, wrapped, master_key_id FROM privacy.data_keys WHERE master_key_id <> $1 AND subject > $2 ORDER BY subject LIMIT 500',
      [current.id, after],
    );
    if (rows.length === 0) return moved;
    const wrapped = rows.map((row) => wrapKey(current, { subject: row.subject, ...unwrapKey(masterKeys, row) }));
    // The key id guards against a key that was destroyed and made anew meanwhile.
    const { rowCount } = await pool.query(
      `UPDATE privacy.data_keys k SET wrapped = n.wrapped, master_key_id = $4
       FROM unnest($1::text[], $2::text[], $3::bytea[]) AS n (subject, key_id, wrapped)
       WHERE k.subject = n.subject AND k.key_id = n.key_id`,
      [rows.map(({ subject }) => subject), rows.map(({ key_id }) => key_id), wrapped, current.id],
    );
    moved += rowCount ?? 0;
    after = rows.at(-1)!.subject;
  }
}
