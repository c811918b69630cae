import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Pool } from '@rappel/postgres';
import { createApiKey, createApiKeyCheck } from './api-keys.ts';
import { migrateAuth } from './migrations.ts';
import { scopes } from './scopes.ts';

/**
 * The local stack's key: the token in `file` when the database knows it, else a new random one with every scope, written
 * there for its owner alone. For a desk: production makes its keys with the tool.
 */
export async function ensureLocalKey(pool: Pool, file: string): Promise<string> {
  await migrateAuth(pool);
  const kept = existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
  if (kept && await createApiKeyCheck(pool)(kept)) return kept;
  const { token } = await createApiKey(pool, { name: 'local', scopes });
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${token}\n`, { mode: 0o600 });
  return token;
}
