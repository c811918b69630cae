import { createHash } from 'node:crypto';
import pg from 'pg';

export * from './arrays.ts';

export type Pool = pg.Pool;
export type Client = pg.PoolClient;

/** A numbered step. Once released it never changes; a change is a new step. Runs inside a transaction. */
export interface Migration {
  readonly id: number;
  readonly name: string;
  readonly sql: string;
}

/**
 * A connection pool with time-outs that keep a stalled client from holding locks.
 * @param max most connections, default 10
 * @param idleInTransactionMs after which the server ends a transaction that does nothing, default 30,000; 0 leaves it to the
 * server, for poolers, which refuse start-up parameters that they do not know
 */
export function createPool(connectionString: string, { max = 10, name = 'rappel', idleInTransactionMs = 30_000 }: { max?: number; name?: string; idleInTransactionMs?: number } = {}): Pool {
  const pool = new pg.Pool({
    connectionString,
    max,
    application_name: name,
    connectionTimeoutMillis: 10_000,
    // A new connection costs a login and the plan of each function anew: as much as a hundred statements.
    idleTimeoutMillis: 300_000,
    idle_in_transaction_session_timeout: idleInTransactionMs,
    keepAlive: true,
  });
  // A broken idle connection is replaced at next use; without a listener it would end the process.
  pool.on('error', () => {});
  // So would a connection that breaks while somebody holds it between two queries; the holder's next query rejects.
  pool.on('connect', (client) => { client.on('error', () => {}); });
  return pool;
}

/** A stable key for `pg_advisory_lock` from a readable name. */
export const lockKey = (name: string): string => createHash('sha256').update(name).digest().readBigInt64BE(0).toString();

/** Runs `work` in one transaction; rolls back and rethrows when it fails. */
export async function inTransaction<T>(pool: Pool, work: (client: Client) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query('BEGIN');
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch((rollback: Error) => { broken = rollback; });
    throw error;
  } finally {
    client.release(broken);
  }
}

/**
 * Brings `schema` up to date: creates it, then runs the steps that have not run, in order, in one transaction under an
 * advisory lock, so that several instances may start together. Rejects when the database knows a step this code does not.
 */
export async function migrate(pool: Pool, schema: string, migrations: readonly Migration[]): Promise<void> {
  await inTransaction(pool, async (client) => {
    await client.query('SELECT pg_advisory_xact_lock($1)', [lockKey('rappel:migrations')]);
    await client.query(`CREATE SCHEMA IF NOT EXISTS ${pg.escapeIdentifier(schema)}`);
    await client.query(`CREATE TABLE IF NOT EXISTS ${pg.escapeIdentifier(schema)}.migrations (id int PRIMARY KEY, name text NOT NULL, ran_at timestamptz NOT NULL DEFAULT now())`);
    const { rows } = await client.query<{ id: number; name: string }>(`SELECT id, name FROM ${pg.escapeIdentifier(schema)}.migrations ORDER BY id`);
    const unknown = rows.find((row) => !migrations.some(({ id }) => id === row.id));
    if (unknown) throw new Error(`schema ${schema} has migration ${unknown.id} (${unknown.name}), which this version does not know: run a newer version`);
    await client.query(`SET LOCAL search_path TO ${pg.escapeIdentifier(schema)}, public`);
    for (const { id, name, sql } of migrations.filter((step) => !rows.some((row) => row.id === step.id))) {
      await client.query(sql);
      await client.query(`INSERT INTO ${pg.escapeIdentifier(schema)}.migrations (id, name) VALUES ($1, $2)`, [id, name]);
    }
  });
}
