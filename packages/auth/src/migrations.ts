import { migrate } from '@rappel/postgres';
import type { Migration, Pool } from '@rappel/postgres';

const migrations: readonly Migration[] = [
  {
    id: 1,
    name: 'api keys',
    sql: `
      CREATE TABLE api_keys (
        id text PRIMARY KEY,
        name text NOT NULL,
        secret_hash bytea NOT NULL,
        scopes text[] NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        expires_at timestamptz,
        revoked_at timestamptz,
        last_used_at timestamptz
      );
    `,
  },
];

/** Brings the schema `auth` up to date. */
export const migrateAuth = (pool: Pool): Promise<void> => migrate(pool, 'auth', migrations);
