import type { Pool } from '@rappel/postgres';

/** What the log's questions need of a pool. */
export type Reader = Pick<Pool, 'query'>;

/** The log's tables are not there: somebody dropped them, or they were never built. They come back by themselves. */
export class LogMissing extends Error {
  override readonly name = 'LogMissing';
  readonly code = 'log-missing';
}

export const isMissing = (error: unknown): boolean => /^(42P01|3F000)$/.test(String((error as { code?: unknown } | undefined)?.code));

/** The pool for the questions: while there are no tables they reject with `LogMissing`, never with an empty or half an answer. */
export function readingLog(pool: Pool): Reader {
  const query = async (...asked: unknown[]): Promise<unknown> => {
    try {
      return await (pool.query as (...asked: unknown[]) => Promise<unknown>).apply(pool, asked);
    } catch (error) {
      throw isMissing(error) ? new LogMissing('the log is being built', { cause: error }) : error;
    }
  };
  return { query } as Reader;
}
