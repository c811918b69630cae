import type { Personal } from '@rappel/event-store';
import { migrate } from '@rappel/postgres';
import type { Pool } from '@rappel/postgres';
import { deadLetterSubject } from './dead-letters.ts';
import { createKeyRing } from './key-ring.ts';
import type { KeyRing } from './key-ring.ts';
import { parseMasterKeys } from './master-keys.ts';
import { privacyMigrations } from './migrations.ts';
import type { Vault } from './port.ts';
import { rewrapKeys } from './rewrap.ts';
import { decrypt, encrypt, openField, PersonalDataTampered, sealField } from './seal.ts';
import type { DataKey } from './seal.ts';

export interface VaultOptions {
  readonly pool: Pool;
  /** As in `RAPPEL_MASTER_KEY`: see `parseMasterKeys`. */
  readonly masterKey: string;
  /** How long a data key stays in memory, and so how long after `forget` another process may still open. Default 5000 ms. */
  readonly cacheMs?: number;
  /** Most data keys in memory. Default 20 000 (about 5 MB). */
  readonly cacheMax?: number;
}

/** Brings the schema `privacy` up to date. Safe to run from several instances at once. */
export const migratePrivacy = (pool: Pool): Promise<void> => migrate(pool, 'privacy', privacyMigrations);

/** The vault over the schema `privacy`. Throws `MasterKeyInvalid` at once for a bad key. Run `migratePrivacy` first. */
export function createVault({ pool, masterKey, cacheMs = 5000, cacheMax = 20_000 }: VaultOptions): Vault {
  const masterKeys = parseMasterKeys(masterKey);
  const keys = createKeyRing({ pool, masterKeys, cacheMs, cacheMax });
  const destroy = async (subjects: readonly string[], forGood: boolean): Promise<number> => {
    const { rows } = await pool.query<{ destroyed: number }>('SELECT privacy.destroy_keys($1, $2) AS destroyed', [subjects, forGood]);
    keys.drop(subjects);
    return rows[0]!.destroyed;
  };
  return {
    seal: (personal, context) => seal(keys, personal, context),
    open: (personal) => open(keys, personal),
    sealBytes: (plain, place) => sealBytes(keys, plain, place),
    openBytes: (sealed) => openBytes(keys, sealed),
    forget: async (subject) => { await destroy([subject], true); },
    readmit: async (subject) => { await pool.query('DELETE FROM privacy.forgotten WHERE subject = $1', [subject]); },
    held: async (subjects) => (await pool.query<{ subject: string }>('SELECT subject FROM privacy.data_keys WHERE subject = ANY ($1) ORDER BY subject', [subjects])).rows.map(({ subject }) => subject),
    expire: (subjects) => destroy(subjects, false),
    expireDeadLetters: async (beforeDay) => {
      const { rows } = await pool.query<{ subject: string }>(`SELECT subject FROM privacy.data_keys WHERE subject COLLATE "C" >= $1 AND subject COLLATE "C" < $2`, [deadLetterSubject(''), deadLetterSubject(beforeDay)]);
      return destroy(rows.map(({ subject }) => subject), false);
    },
    rewrap: () => rewrapKeys(pool, masterKeys),
  };
}

async function seal(keys: KeyRing, personal: Personal, context: string): Promise<Personal> {
  if (personal.state !== 'open') return personal;
  const { subject } = personal;
  const key = await keys.take(subject);
  if (!key) return { state: 'erased', subject };
  const fields = Object.entries(personal.fields).map(([field, value]) => [field, sealField(key, value, { subject, context, field })]);
  return { state: 'sealed', subject, context, fields: Object.fromEntries(fields) as Record<string, string> };
}

async function open(keys: KeyRing, personal: Personal): Promise<Personal> {
  if (personal.state !== 'sealed') return personal;
  const { subject } = personal;
  const key = await keys.find(subject);
  const fields = key && openFields(key, personal);
  return fields ? { state: 'open', subject, fields } : { state: 'erased', subject };
}

function openFields(key: DataKey, { subject, context, fields }: Extract<Personal, { state: 'sealed' }>): Record<string, string> | undefined {
  const opened = Object.entries(fields).map(([field, value]) => [field, openField(key, value, { subject, context, field })] as const);
  return opened.some(([, value]) => value === undefined) ? undefined : Object.fromEntries(opened) as Record<string, string>;
}

// Bytes describe themselves: mark, length of the head (2 bytes), head as JSON, then iv, ciphertext, tag.
const MARK = Buffer.from('RPL1');
interface Head { readonly subject: string; readonly context: string; readonly key: string }

async function sealBytes(keys: KeyRing, plain: Uint8Array, { subject, context }: { subject: string; context: string }): Promise<Uint8Array | undefined> {
  const key = await keys.take(subject);
  if (!key) return undefined;
  const head = Buffer.from(JSON.stringify({ subject, context, key: key.id } satisfies Head));
  const length = Buffer.alloc(2);
  length.writeUInt16BE(head.length);
  return Buffer.concat([MARK, length, head, encrypt(key.secret, plain, head.toString())]);
}

async function openBytes(keys: KeyRing, sealed: Uint8Array): Promise<Uint8Array | undefined> {
  const bytes = Buffer.from(sealed);
  if (bytes.length < 6 || !bytes.subarray(0, 4).equals(MARK)) throw new PersonalDataTampered('not sealed bytes');
  const end = 6 + bytes.readUInt16BE(4);
  const text = bytes.subarray(6, end).toString();
  const head = readHead(text);
  const key = await keys.find(head.subject);
  return key?.id === head.key ? decrypt(key.secret, bytes.subarray(end), text) : undefined;
}

function readHead(text: string): Head {
  try {
    const head = JSON.parse(text) as Partial<Head>;
    if (typeof head.subject === 'string' && typeof head.key === 'string') return head as Head;
  } catch (cause) {
    throw new PersonalDataTampered('not sealed bytes', { cause });
  }
  throw new PersonalDataTampered('not sealed bytes');
}
