import { setTimeout as delay } from 'node:timers/promises';
import { tlsTrouble, type LineSettings } from '@rappel/tls';
import type { Logger } from './logger.ts';

export interface PatienceOptions {
  /** What is waited for, in words. */
  readonly what: string;
  readonly logger: Logger;
  /** What an error that only a setting mends names. */
  readonly settings: LineSettings;
  /** Real milliseconds. Default 60 s. */
  readonly patienceMs?: number;
  /** Between two tries. Default 500 ms. */
  readonly everyMs?: number;
}

const SAY_EVERY_MS = 5000;
/** What a database says that cannot serve just now: starting, stopping, too many connections. What it refuses for good is no reason to wait. */
const PASSING = /^(ECONN|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|57P0|53300|08)/;
const isPassing = (error: unknown): boolean => {
  const { code = '', message = '', errors = [] } = error as { code?: string; message?: string; errors?: readonly unknown[] };
  return PASSING.test(code) || /timeout|terminated/i.test(message) || errors.some(isPassing);
};

/**
 * Tries until it works: a server that starts at the same time may take longer. Says every five seconds what it waits for. Rejects
 * with the last error after `patienceMs`, and at once when waiting cannot help (a wrong password, a database that is not there).
 */
export async function withPatience<T>(work: () => Promise<T>, { what, logger, settings, patienceMs = 60_000, everyMs = 500 }: PatienceOptions): Promise<T> {
  const begun = performance.now();
  for (let said = -SAY_EVERY_MS; ; await delay(everyMs)) {
    try {
      return await work();
    } catch (error) {
      const waitedMs = Math.round(performance.now() - begun);
      const trouble = tlsTrouble(error, settings);
      if (trouble) throw new Error(`${what}: ${trouble.text}`, { cause: error });
      if (!isPassing(error)) throw error;
      if (waitedMs > patienceMs) throw new Error(`${what} did not answer within ${Math.round(patienceMs / 1000)} s`, { cause: error });
      if (waitedMs - said >= SAY_EVERY_MS) {
        said = waitedMs;
        logger.warn({ waitedMs, patienceMs, reason: (error as { code?: string }).code ?? (error as Error).message }, `waiting for ${what}`);
      }
    }
  }
}

/**
 * For work that waits by itself without a word: says every `everyMs` (default 5 s) that it does, and why. Rejects when it takes longer
 * than `patienceMs`, and as soon as it is seen that only a setting helps.
 */
export async function patiently<T>(work: Promise<T>, { what, logger, settings, why, patienceMs = 60_000, everyMs = SAY_EVERY_MS }: PatienceOptions & { readonly why: () => Promise<Error | undefined> }): Promise<T> {
  const begun = performance.now();
  let reason: Error | undefined;
  let fail: (error: Error) => void = () => undefined;
  const tooLate = new Promise<never>((_, reject) => { fail = reject; });
  const say = async (): Promise<void> => {
    reason = await why();
    const trouble = tlsTrouble(reason, settings);
    if (trouble) fail(new Error(`${what}: ${trouble.text}`, { cause: reason }));
    else logger.warn({ waitedMs: Math.round(performance.now() - begun), patienceMs, reason: reason?.message }, `waiting for ${what}`);
  };
  const saying = setInterval(() => void say(), everyMs);
  const limit = setTimeout(() => fail(new Error(`${what} did not answer within ${Math.round(patienceMs / 1000)} s`, { cause: reason })), patienceMs);
  try {
    return await Promise.race([work, tooLate]);
  } finally {
    clearInterval(saying);
    clearTimeout(limit);
  }
}
