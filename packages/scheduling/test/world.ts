import type { Clock } from '@rappel/contracts';
import { createPool } from '@rappel/postgres';

/** A clock that stands still until it is set. Sleepers look again soon, as with the demonstration's clock. */
export function handClock(start: string): Clock & { set(at: string): void } {
  let now = start;
  return { now: () => now, set: (at) => { now = at; }, realMsUntil: (at) => (at <= now ? 0 : 5) };
}

/** A fresh database on the int tier's server; resolves to its URL. */
export async function createDatabase(name: string): Promise<string> {
  const url = new URL(process.env.TEST_POSTGRES_URL!);
  const admin = createPool(url.href, { max: 1 });
  await admin.query(`CREATE DATABASE "${name}"`);
  await admin.end();
  url.pathname = `/${name}`;
  return url.href;
}

/** Waits for a condition. Rejects after 20 s, a limit for broken code only. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 20_000;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error('the condition never came true');
    await new Promise((resolve) => { setTimeout(resolve, 5); });
  }
}
