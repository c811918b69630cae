import { EventRefused, StoreUnavailable } from '@rappel/event-store';
import type { Pool } from '@rappel/postgres';

export type Row = readonly (string | null)[];

/** Runs one statement on its own (autocommit), so that it works through a transaction pooler. Rows come as raw text. */
export type Run = (text: string, values: readonly unknown[]) => Promise<readonly Row[]>;

const raw = { getTypeParser: () => (value: unknown) => value } as unknown as import('pg').CustomTypesConfig;

/**
 * An answer that does not come within `timeoutMs` costs the connection: with a silent peer, nothing less is sure.
 * Everything that says "not now" becomes `StoreUnavailable`.
 */
export function createRun(pool: Pool, timeoutMs: number): Run {
  return async (text, values) => {
    const client = await pool.connect().catch((error: unknown) => { throw translated(error); });
    let broken: Error | undefined;
    const watchdog = setTimeout(() => {
      broken = new Error(`no answer within ${timeoutMs} ms`);
      (client as unknown as { connection: { stream: { destroy(error: Error): void } } }).connection.stream.destroy(broken);
    }, timeoutMs);
    const onError = (error: Error) => { broken = error; };
    client.on('error', onError);
    try {
      return (await client.query<string[]>({ text, values: values as unknown[], rowMode: 'array', types: raw })).rows;
    } catch (error) {
      if (!isFromServer(error)) broken ??= error as Error;
      throw translated(error);
    } finally {
      clearTimeout(watchdog);
      client.removeListener('error', onError);
      client.release(broken);
    }
  };
}

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
