import { createHash } from 'node:crypto';
import { EventRefused, StoreUnavailable } from '@rappel/event-store';
import type { Pool } from '@rappel/postgres';
import type { QueryArrayConfig } from 'pg';

export type Row = readonly (string | null)[];

/**
 * Runs one statement on its own (autocommit), so that it works through a transaction pooler. Rows come as raw text.
 * `prepared` is for statements whose plan may never change, such as the call of a function: the server parses them once
 * for each connection.
 */
export type Run = (text: string, values: readonly unknown[], options?: { readonly prepared?: boolean }) => Promise<readonly Row[]>;

const raw = { getTypeParser: () => (value: unknown) => value } as unknown as import('pg').CustomTypesConfig;

/**
 * An answer that does not come within `timeoutMs` costs the connection: with a silent peer, nothing less is sure.
 * Everything that says "not now" becomes `StoreUnavailable`.
 */
export function createRun(pool: Pool, timeoutMs: number): Run {
  // Behind a pooler the connection that prepared it may not be the one that is asked: then nothing is prepared any more.
  let canPrepare = true;
  return async (text, values, { prepared = false } = {}) => {
    const query = { text, values: values as unknown[], rowMode: 'array' as const, types: raw };
    if (prepared && canPrepare) {
      try {
        return await runOnce(pool, timeoutMs, { name: nameOf(text), ...query });
      } catch (error) {
        if (!isNotPrepared(error)) throw translated(error);
        canPrepare = false;
      }
    }
    return runOnce(pool, timeoutMs, query).catch((error: unknown) => { throw translated(error); });
  };
}

async function runOnce(pool: Pool, timeoutMs: number, query: QueryArrayConfig): Promise<readonly Row[]> {
  const client = await pool.connect();
  let broken: Error | undefined;
  const watchdog = setTimeout(() => {
    broken = new Error(`no answer within ${timeoutMs} ms`);
    (client as unknown as { connection: { stream: { destroy(error: Error): void } } }).connection.stream.destroy(broken);
  }, timeoutMs);
  const onError = (error: Error) => { broken = error; };
  client.on('error', onError);
  try {
    return (await client.query<string[]>(query)).rows;
  } catch (error) {
    // A connection on which a statement was not what it was taken for is not asked again.
    if (!isFromServer(error) || isNotPrepared(error)) broken ??= error as Error;
    throw error;
  } finally {
    clearTimeout(watchdog);
    client.removeListener('error', onError);
    client.release(broken);
  }
}

/** By its text: whoever else shares a pooled connection can only have prepared the same under this name. */
function nameOf(text: string): string {
  let name = names.get(text);
  if (!name) names.set(text, name = `rappel_${createHash('sha256').update(text).digest('hex').slice(0, 16)}`);
  return name;
}
const names = new Map<string, string>();

/** Not there, there already, or prepared before a migration. Says so before anything is run. */
const isNotPrepared = (error: unknown): boolean => ['26000', '42P05', '0A000'].includes(String((error as { code?: unknown }).code));

const isFromServer = (error: unknown): boolean => /^[0-9A-Z]{5}$/.test(String((error as { code?: unknown }).code));

// Connection trouble, shutdown, too many connections, lock or statement time-out, deadlock, a standby after a failover.
const passing = /^(08...|57...|53...|55P03|40001|40P01|25006|28000)$/;

// Data the server cannot take, limits of the server's program.
const forEver = /^(22|54)/;

function translated(error: unknown): unknown {
  const { code, message } = error as { code?: string; message?: string };
  if (isFromServer(error) && forEver.test(code!)) return new EventRefused(`PostgreSQL refuses it: ${message}`, { cause: error });
  if (isFromServer(error) && !passing.test(code!)) return error;
  return new StoreUnavailable(`PostgreSQL is not available: ${message || code}`, { cause: error });
}
