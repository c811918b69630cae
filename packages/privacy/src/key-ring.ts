import { randomBytes } from 'node:crypto';
import type { Pool } from '@rappel/postgres';
import { derivedId, type MasterKey, type MasterKeys } from './master-keys.ts';
import { decrypt, encrypt } from './seal.ts';
import type { DataKey } from './seal.ts';

/** The master key that wrapped a data key is not configured. */
export class MasterKeyMissing extends Error {
  override readonly name = 'MasterKeyMissing';
  readonly code = 'master-key-missing';
}

export interface KeyRow {
  readonly subject: string;
  readonly key_id: string;
  readonly wrapped: Buffer;
  readonly master_key_id: string;
}

/** Data keys, gathered: what is asked for in one turn of the event loop becomes one query. */
export interface KeyRing {
  /** The person's key, made when there is none; `undefined` when the person was forgotten. */
  take(subject: string): Promise<DataKey | undefined>;
  /** The person's key, or `undefined`. */
  find(subject: string): Promise<DataKey | undefined>;
  drop(subjects: readonly string[]): void;
}

const MOST_PER_QUERY = 500;

export const wrapKey = (master: MasterKey, { subject, id, secret }: { subject: string; id: string; secret: Buffer }): Buffer =>
  encrypt(master.secret, secret, JSON.stringify(['rappel:data-key', master.id, subject, id]));

export function unwrapKey({ all }: MasterKeys, row: KeyRow): DataKey {
  // A key that had no name and got one for its rotation is still the same key.
  const master = all.find(({ id }) => id === row.master_key_id) ?? all.find(({ secret }) => derivedId(secret) === row.master_key_id);
  if (!master) throw new MasterKeyMissing(`the master key ${row.master_key_id} is not configured`);
  return { id: row.key_id, secret: decrypt(master.secret, row.wrapped, JSON.stringify(['rappel:data-key', row.master_key_id, row.subject, row.key_id])) };
}

/** Gathers single questions of one turn into calls of `ask`. */
function gather(ask: (subjects: string[]) => Promise<Map<string, DataKey>>): (subject: string) => Promise<DataKey | undefined> {
  let waiting: Map<string, Promise<DataKey | undefined>> | undefined;
  const open = () => {
    const batch = new Map<string, Promise<DataKey | undefined>>();
    const answers = new Promise<void>((go) => setImmediate(go)).then(() => {
      waiting = undefined;
      return ask([...batch.keys()]);
    });
    const join = (subject: string) => answers.then((found) => found.get(subject));
    return { batch, join };
  };
  let current: ReturnType<typeof open>;
  return (subject) => {
    if (!waiting || waiting.size >= MOST_PER_QUERY) {
      current = open();
      waiting = current.batch;
    }
    const known = waiting.get(subject) ?? current.join(subject);
    waiting.set(subject, known);
    return known;
  };
}

const ID = 6;
const SECRET = 32;

/** A key for each, of one call to the system. */
function freshKeys(subjects: readonly string[]): (DataKey & { readonly subject: string })[] {
  const random = randomBytes(subjects.length * (ID + SECRET));
  const part = (start: number, length: number): Buffer => Buffer.from(random.subarray(start, start + length));
  return subjects.map((subject, n) => ({ subject, id: part(n * (ID + SECRET), ID).toString('base64url'), secret: part(n * (ID + SECRET) + ID, SECRET) }));
}

/** The key that was just made here, unless there was one before. */
function madeAs({ subject, key_id: id }: KeyRow, made: ReadonlyMap<string, DataKey> | undefined): DataKey | undefined {
  const key = made?.get(subject);
  return key?.id === id ? { id, secret: key.secret } : undefined;
}

interface Cached { readonly key: DataKey; readonly until: number }

export function createKeyRing({ pool, masterKeys, cacheMs, cacheMax }: { pool: Pool; masterKeys: MasterKeys; cacheMs: number; cacheMax: number }): KeyRing {
  const cache = new Map<string, Cached>();
  // A key read before its erasure must not enter the cache after it.
  let epoch = 0;
  const keep = (rows: KeyRow[], asked: number, made?: ReadonlyMap<string, DataKey>): Map<string, DataKey> => {
    const keys = new Map(rows.map((row) => [row.subject, madeAs(row, made) ?? unwrapKey(masterKeys, row)]));
    for (const [subject, key] of asked === epoch ? keys : []) cache.set(subject, { key, until: Date.now() + cacheMs });
    // Oldest first: a Map keeps the order of insertion.
    for (const subject of cache.keys()) {
      if (cache.size <= cacheMax) break;
      cache.delete(subject);
    }
    return keys;
  };
  const cached = (subject: string): DataKey | undefined => {
    const entry = cache.get(subject);
    if (entry && entry.until > Date.now()) return entry.key;
    cache.delete(subject);
    return undefined;
  };
  const find = gather(async (subjects) => {
    const asked = epoch;
    const { rows } = await pool.query<KeyRow>({ name: 'privacy-find', text: 'SELECT subject, key_id, wrapped, master_key_id FROM privacy.data_keys WHERE subject = ANY ($1)', values: [subjects] });
    return keep(rows, asked);
  });
  const take = gather(async (subjects) => {
    const asked = epoch;
    const fresh = freshKeys(subjects);
    const { rows } = await pool.query<KeyRow>({
      name: 'privacy-take',
      text: 'SELECT subject, key_id, wrapped, master_key_id FROM privacy.take_keys($1, $2, $3, $4)',
      values: [subjects, fresh.map(({ id }) => id), fresh.map((key) => wrapKey(masterKeys.current, key)), masterKeys.current.id],
    });
    return keep(rows, asked, new Map(fresh.map((key) => [key.subject, key])));
  });
  return {
    take: async (subject) => cached(subject) ?? take(subject),
    find: async (subject) => cached(subject) ?? find(subject),
    drop(subjects) {
      epoch += 1;
      for (const subject of subjects) cache.delete(subject);
    },
  };
}
