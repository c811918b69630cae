/** Business time. Everything about due moments, quiet hours and retry delays asks it; technical time-outs do not. */
export interface Clock {
  /** UTC, ISO 8601 with milliseconds. */
  now(): string;
  /**
   * Real milliseconds to sleep before asking again whether `at` has come (≤ 0 when it has). May be shorter than the whole
   * wait, as a clock can be held or sped up meanwhile: on waking compare with `now()` and sleep again.
   */
  realMsUntil(at: string): number;
}

export const systemClock: Clock = {
  now: () => new Date().toISOString(),
  realMsUntil: (at) => Date.parse(at) - Date.now(),
};

/**
 * A clock that showed `origin` at the real moment `anchor` and has run `factor` times faster since.
 * For demonstrations and tests; production refuses it.
 */
export function acceleratedClock({ origin, anchor, factor }: { origin: string; anchor: string; factor: number }): Clock {
  const start = Date.parse(origin);
  const real = Date.parse(anchor);
  const now = () => start + (Date.now() - real) * factor;
  return {
    now: () => new Date(now()).toISOString(),
    realMsUntil: (at) => (Date.parse(at) - now()) / factor,
  };
}
