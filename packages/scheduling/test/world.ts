import { randomUUID } from 'node:crypto';
import type { Clock, OverdueMomentPassed, ReminderDue } from '@rappel/contracts';
import { createInMemoryEventStore, type EventStore, type RecordedEvent } from '@rappel/event-store';
import { createPool, migrate, type Pool } from '@rappel/postgres';
import { migrations } from '../src/migrations.ts';
import { openPolicyBook } from '../src/policies.ts';
import { createScheduler, type Scheduler } from '../src/scheduler.ts';

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

/** Waits for a condition. Rejects after 50 s, a limit for broken code only. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 50_000;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error('the condition never came true');
    await new Promise((resolve) => { setTimeout(resolve, 5); });
  }
}

/** What is undone at the end of each spec, last first. */
export const cleanUps: (() => unknown)[] = [];
export async function cleanUp(): Promise<void> {
  for (const step of cleanUps.splice(0).toReversed()) await step();
}

/** One instance of the scheduler, and what it works on. */
export interface World {
  store: EventStore;
  pool: Pool;
  clock: Clock & { set(at: string): void };
  scheduler: Scheduler;
  /** Starts another instance on the same database and store. */
  another(): Promise<Scheduler>;
  /** What was told, in order: `RAPPEL_J1 a-1,a-2`. */
  told(): Promise<string[]>;
  recorded(id: string): Promise<RecordedEvent[]>;
}

/** A fresh world; the instance runs unless `start` is false. Goes away with `cleanUp`. */
export async function world(now: string, { start = true } = {}): Promise<World> {
  const pool = createPool(await createDatabase(`scheduling_${randomUUID().slice(0, 8)}`));
  cleanUps.push(() => pool.end());
  await migrate(pool, 'scheduler', migrations);
  const store = createInMemoryEventStore();
  const clock = handClock(now);
  const another = async (): Promise<Scheduler> => {
    const scheduler = createScheduler({ store, pool, clock, book: await openPolicyBook(store, clock), lookAgainMs: 50 });
    cleanUps.push(() => scheduler.stop());
    if (start) scheduler.start();
    return scheduler;
  };
  const told = async (): Promise<string[]> => (await store.readAll({ categories: ['schedule'], limit: 100_000 })).flatMap(({ type, data }) => {
    if (type === 'ReminderDue') return [`${(data as ReminderDue).type} ${(data as ReminderDue).loans.map(({ attributionId }) => attributionId).join()}`];
    return type === 'OverdueMomentPassed' ? [`RETARD ${(data as OverdueMomentPassed).occurrence} ${(data as OverdueMomentPassed).attributionId}`] : [];
  });
  return { store, pool, clock, scheduler: await another(), another, told, recorded: (id) => store.readStream(`schedule-${id}`) };
}
