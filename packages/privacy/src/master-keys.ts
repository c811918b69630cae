import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** The keys that wrap data keys. New wraps use `current`; the others only open what was wrapped before a rotation. */
export interface MasterKeys {
  readonly current: MasterKey;
  readonly all: readonly MasterKey[];
}
export interface MasterKey {
  /** Stored beside each wrapped key. Not secret. */
  readonly id: string;
  readonly secret: Buffer;
}

export class MasterKeyInvalid extends Error {
  override readonly name = 'MasterKeyInvalid';
  readonly code = 'master-key-invalid';
}

const shape = 'expected 32 bytes in base64 or hex, as KEY or ID:KEY, several separated by commas (the first is the current one), or file:PATH holding the same';

function decode(text: string): Buffer {
  const secret = /^[0-9a-f]{64}$/i.test(text) ? Buffer.from(text, 'hex') : Buffer.from(text, 'base64');
  if (secret.length !== 32) throw new MasterKeyInvalid(shape);
  return secret;
}

/** The id of a key that was given none. */
export const derivedId = (secret: Buffer): string => createHash('sha256').update('rappel:key-id').update(secret).digest('hex').slice(0, 8);

function parseOne(text: string): MasterKey {
  const [, id, key] = /^(?:([A-Za-z0-9._-]{1,40}):)?(\S+)$/.exec(text) ?? [];
  if (!key) throw new MasterKeyInvalid(shape);
  const secret = decode(key);
  return { id: id ?? derivedId(secret), secret };
}

/**
 * Reads `RAPPEL_MASTER_KEY`: `KEY`, `ID:KEY`, `NEW:KEY,OLD:KEY` (first = current) or `file:PATH`.
 * Throws `MasterKeyInvalid` without naming the value.
 */
export function parseMasterKeys(text: string): MasterKeys {
  const source = text.startsWith('file:') ? readFileSync(text.slice('file:'.length), 'utf8') : text;
  const all = source.split(/[,\n]/).map((part) => part.trim()).filter((part) => part !== '').map(parseOne);
  const [current] = all;
  if (!current) throw new MasterKeyInvalid(shape);
  if (new Set(all.map(({ id }) => id)).size !== all.length) throw new MasterKeyInvalid('two master keys have the same id');
  return { current, all };
}
