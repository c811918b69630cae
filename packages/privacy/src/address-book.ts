import { inTransaction, type Pool } from '@rappel/postgres';
import { createLookup } from './lookup.ts';

/** Whose address one is, by keyed hash: no address is stored, and a person's hash goes with their key, in the same moment, whoever destroys it. */
export interface AddressBook {
  /** How far in the event store `record` has come; '' at first, and again under another master key, whose hashes are others. */
  checkpoint(): Promise<string>;
  /**
   * What people's addresses are as of `to`; undefined = none. Of people without a key nothing is kept. False = somebody else
   * went on from `from`: ask for the checkpoint again.
   */
  record(addresses: ReadonlyMap<string, string | undefined>, step: { readonly from: string; readonly to: string }): Promise<boolean>;
  /** Who has it, as far as was recorded. */
  whose(address: string): Promise<string[]>;
}

/** The book `name` in the schema `privacy`, shared by all instances. Run `migratePrivacy` first. `masterKey` as in `RAPPEL_MASTER_KEY`. */
export function createAddressBook({ pool, name, masterKey }: { readonly pool: Pool; readonly name: string; readonly masterKey: string }): AddressBook {
  const lookup = createLookup(masterKey);
  const key = lookup.of('the key of this book');
  return {
    async checkpoint() {
      const { rows } = await pool.query<{ checkpoint: string }>(
        `INSERT INTO privacy.address_books AS b (name, key) VALUES ($1, $2)
         ON CONFLICT (name) DO UPDATE SET key = $2, checkpoint = CASE WHEN b.key = $2 THEN b.checkpoint ELSE '' END RETURNING checkpoint`, [name, key],
      );
      return rows[0]!.checkpoint;
    },
    record: (addresses, { from, to }) => inTransaction(pool, async (client) => {
      const { rowCount } = await client.query('UPDATE privacy.address_books SET checkpoint = $3 WHERE name = $1 AND key = $2 AND checkpoint = $4', [name, key, to, from]);
      if (rowCount !== 1) return false;
      const known = [...addresses].flatMap(([subject, address]) => (address === undefined ? [] : [{ subject, hash: lookup.of(address) }]));
      const without = [...addresses].flatMap(([subject, address]) => (address === undefined ? [subject] : []));
      if (without.length > 0) await client.query('DELETE FROM privacy.addresses WHERE book = $1 AND subject = ANY ($2)', [name, without]);
      // The key stays until the commit, or is gone already. Looked up one by one: joined, the whole table of keys would be read for each page.
      await client.query(
        `INSERT INTO privacy.addresses AS a (subject, book, hash)
         SELECT k.subject, $1, n.hash
           FROM unnest($2::text[], $3::text[]) AS n (subject, hash)
          CROSS JOIN LATERAL (SELECT d.subject FROM privacy.data_keys d WHERE d.subject = n.subject FOR KEY SHARE) k
         ON CONFLICT (subject, book) DO UPDATE SET hash = excluded.hash WHERE a.hash <> excluded.hash`,
        [name, known.map(({ subject }) => subject), known.map(({ hash }) => hash)],
      );
      return true;
    }),
    async whose(address) {
      const { rows } = await pool.query<{ subject: string }>('SELECT subject FROM privacy.addresses WHERE book = $1 AND hash = ANY ($2) ORDER BY subject', [name, lookup.all(address)]);
      return rows.map(({ subject }) => subject);
    },
  };
}
