/** How often and when a notification is tried again. */
export interface RetryPolicy {
  /** Attempts in all before it is given up. Default 3. */
  readonly attempts: number;
  /** Business seconds before the second, third, … attempt; the last one repeats. Default 1 min, 5 min. */
  readonly delays: readonly number[];
}

export const defaultRetryPolicy: RetryPolicy = { attempts: 3, delays: [60, 300] };

/** Moment of the next attempt after `made` attempts, `at` being now (business time); undefined when there are none left. */
export function nextAttemptAt(policy: RetryPolicy, made: number, at: string): string | undefined {
  if (made >= policy.attempts) return undefined;
  const seconds = policy.delays[Math.min(Math.max(made, 1), policy.delays.length) - 1] ?? 0;
  return new Date(Date.parse(at) + seconds * 1000).toISOString();
}
