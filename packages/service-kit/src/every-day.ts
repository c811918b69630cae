import type { Logger } from './logger.ts';

const HOUR_MS = 3_600_000;

/**
 * Runs `work` once a day of real time, the first time an hour after the start, and logs what it resolves to; a failure is logged and
 * tried again the next day. Returns what stops it, once a run under way has ended.
 */
export function everyDay(what: string, work: (signal: AbortSignal) => Promise<object>, logger: Logger): () => Promise<void> {
  const ending = new AbortController();
  let running = Promise.resolve();
  const attempt = async () => {
    try {
      logger.info(await work(ending.signal), what);
    } catch (err) {
      logger.error({ err }, `${what} failed`);
    }
  };
  const run = () => { running = attempt(); };
  const first = setTimeout(run, HOUR_MS).unref();
  const daily = setInterval(run, 24 * HOUR_MS).unref();
  return async () => {
    clearTimeout(first);
    clearInterval(daily);
    ending.abort();
    await running;
  };
}
