/** Throws or rejects when the thing is not usable. */
export type HealthCheck = () => unknown;

export interface HealthChecks {
  /**
   * A check that `/health/ready` runs. Anything over 2 s counts as down. `critical` (default true) = without it the service
   * cannot work; otherwise it is shown as down and the service stays ready.
   */
  add(name: string, check: HealthCheck, options?: { critical?: boolean }): void;
  run(): Promise<{ ready: boolean; checks: Record<string, 'up' | 'down'> }>;
  /** From now on not ready: the service is starting or on its way out. */
  setServing(serving: boolean): void;
}

const LONGEST_CHECK_MS = 2000;

async function passes(check: HealthCheck): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => { timer = setTimeout(() => reject(new Error('too slow')), LONGEST_CHECK_MS); });
  try {
    await Promise.race([Promise.resolve().then(check), late]);
    return true;
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}

export function createHealthChecks(): HealthChecks {
  const checks = new Map<string, { check: HealthCheck; critical: boolean }>();
  let serving = false;
  return {
    add: (name, check, { critical = true } = {}) => { checks.set(name, { check, critical }); },
    setServing: (now) => { serving = now; },
    async run() {
      const results = await Promise.all([...checks].map(async ([name, { check, critical }]) => ({ name, critical, state: await passes(check) ? 'up' as const : 'down' as const })));
      return { ready: serving && results.every(({ state, critical }) => state === 'up' || !critical), checks: Object.fromEntries(results.map(({ name, state }) => [name, state])) };
    },
  };
}
