import type { Clock } from '@rappel/contracts';

/** Time that stands still while anything can be computed and jumps to the next timer when nothing can. */
export interface VirtualTime {
  readonly clock: Clock;
  /** Milliseconds since 1970 on the virtual clock. */
  nowMs(): number;
  /** Calls when so many virtual milliseconds have passed, unless the returned function is called before. */
  after(ms: number, call: () => void): () => void;
  /** Resolves when so many virtual milliseconds have passed. */
  sleep(ms: number): Promise<void>;
  /**
   * Runs timers in order of their moment (those of one moment in the order they were set) until none is left, or none before `until`.
   * Between two timers, promises are given `turns` rounds of the event loop to settle. Rejects after a million timers.
   */
  run(options?: { until?: string; turns?: number }): Promise<void>;
}

interface Timer { readonly at: number; readonly number: number; readonly call: () => void }

/** @param start UTC, ISO 8601 */
export function createVirtualTime(start = '2026-01-01T00:00:00.000Z'): VirtualTime {
  let now = Date.parse(start);
  let number = 0;
  const timers = new Set<Timer>();
  const after = (ms: number, call: () => void) => {
    const timer = { at: now + Math.max(0, ms), number: number++, call };
    timers.add(timer);
    return () => { timers.delete(timer); };
  };
  return {
    clock: { now: () => new Date(now).toISOString(), realMsUntil: (at) => Date.parse(at) - now },
    nowMs: () => now,
    after,
    sleep: (ms) => new Promise((resolve) => { after(ms, resolve); }),
    run: async ({ until, turns = 1 } = {}) => {
      const end = until === undefined ? Infinity : Date.parse(until);
      for (let count = 0; ; count++) {
        if (count > 1_000_000) throw new Error('virtual time does not come to rest');
        for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => { setImmediate(resolve); });
        const next = earliest(timers);
        if (!next || next.at > end) break;
        timers.delete(next);
        now = Math.max(now, next.at);
        next.call();
      }
      if (end !== Infinity) now = Math.max(now, end);
    },
  };
}

function earliest(timers: ReadonlySet<Timer>): Timer | undefined {
  let first: Timer | undefined;
  for (const timer of timers) if (!first || timer.at < first.at || (timer.at === first.at && timer.number < first.number)) first = timer;
  return first;
}
