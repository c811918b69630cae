import { createHash, randomBytes } from 'node:crypto';
import type { Pool } from '@rappel/postgres';
import { isScope, scopes as everyScope } from './scopes.ts';
import type { CallerIdentity, Scope } from './scopes.ts';

export interface ApiKey {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly createdAt: string;
  readonly expiresAt?: string;
  readonly revokedAt?: string;
  readonly lastUsedAt?: string;
}

export interface NewApiKey {
  /** What it is for; letters, digits, `_`, `.`, `-`. Shows as `key:<name>` where an actor is recorded. */
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** UTC ISO. Default: never. */
  readonly expiresAt?: string;
}

// 256 random bits need no slow hash: there is nothing to guess.
const hash = (secret: string): Buffer => createHash('sha256').update(secret).digest();

/** Makes a key. The token is given back once and stored only as a hash. Throws `RangeError` for a bad name or scope. */
export async function createApiKey(pool: Pool, { name, scopes, expiresAt }: NewApiKey): Promise<{ id: string; token: string }> {
  if (!/^[\w.-]{1,60}$/.test(name)) throw new RangeError('a key name has 1 to 60 letters, digits, _ . -');
  const unknown = scopes.filter((scope) => !isScope(scope));
  if (scopes.length === 0 || unknown.length > 0) throw new RangeError(`scopes are ${everyScope.join(', ')}`);
  const id = randomBytes(8).toString('hex');
  const secret = randomBytes(32).toString('base64url');
  await pool.query('INSERT INTO auth.api_keys (id, name, secret_hash, scopes, expires_at) VALUES ($1, $2, $3, $4, $5)', [id, name, hash(secret), scopes, expiresAt ?? null]);
  return { id, token: `rpl_${id}_${secret}` };
}

interface KeyRow { id: string; name: string; secret_hash: Buffer; scopes: Scope[]; created_at: Date; expires_at: Date | null; revoked_at: Date | null; last_used_at: Date | null }

/** Every key, revoked ones too, newest first. */
export async function listApiKeys(pool: Pool): Promise<ApiKey[]> {
  const { rows } = await pool.query<KeyRow>('SELECT * FROM auth.api_keys ORDER BY created_at DESC, id');
  return rows.map((row) => ({
    id: row.id,
    name: row.name,
    scopes: row.scopes,
    createdAt: row.created_at.toISOString(),
    ...(row.expires_at && { expiresAt: row.expires_at.toISOString() }),
    ...(row.revoked_at && { revokedAt: row.revoked_at.toISOString() }),
    ...(row.last_used_at && { lastUsedAt: row.last_used_at.toISOString() }),
  }));
}

/** True when the key was there and not revoked before. Services notice within 5 seconds. */
export async function revokeApiKey(pool: Pool, id: string): Promise<boolean> {
  const { rowCount } = await pool.query('UPDATE auth.api_keys SET revoked_at = now() WHERE id = $1 AND revoked_at IS NULL', [id]);
  return rowCount === 1;
}

const REMEMBER_MS = 5000;
const MOST_REMEMBERED = 1000;

/** Answers who holds a token, or `undefined`. Good answers are remembered for 5 seconds, bad ones never. */
export function createApiKeyCheck(pool: Pool): (token: string) => Promise<CallerIdentity | undefined> {
  const known = new Map<string, { caller: CallerIdentity; until: number }>();
  const look = async (id: string, secret: string): Promise<CallerIdentity | undefined> => {
    const { rows: [row] } = await pool.query<KeyRow>({
      name: 'auth-key',
      text: 'UPDATE auth.api_keys SET last_used_at = now() WHERE id = $1 AND secret_hash = $2 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now()) RETURNING *',
      values: [id, hash(secret)],
    });
    // Compared as hashes: how long it takes says nothing about the secret.
    return row ? { actor: `key:${row.name}`, scopes: row.scopes } : undefined;
  };
  return async (token) => {
    const remembered = known.get(token);
    if (remembered && remembered.until > Date.now()) return remembered.caller;
    const [, id, secret] = /^rpl_([0-9a-f]{16})_([\w-]{43})$/.exec(token) ?? [];
    const caller = id && secret ? await look(id, secret) : undefined;
    if (known.size >= MOST_REMEMBERED) known.clear();
    if (caller) known.set(token, { caller, until: Date.now() + REMEMBER_MS });
    else known.delete(token);
    return caller;
  };
}
