import { randomUUID } from 'node:crypto';
import { afterEach, expect, it } from '@jest/globals';
import type { OverdueMomentPassed } from '@rappel/contracts';
import { createInMemoryEventStore } from '@rappel/event-store';
import { createPool, migrate } from '@rappel/postgres';
import { loanOf } from '../test/scene.ts';
import { createDatabase, handClock, until } from '../test/world.ts';
import { migrations } from './migrations.ts';
import { openPolicyBook } from './policies.ts';
import { createScheduler } from './scheduler.ts';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

async function world(now: string) {
  const pool = createPool(await createDatabase(`preview_${randomUUID().slice(0, 8)}`));
  cleanUps.push(() => pool.end());
  await migrate(pool, 'scheduler', migrations);
  const store = createInMemoryEventStore();
  const clock = handClock(now);
  const scheduler = createScheduler({ store, pool, clock, book: await openPolicyBook(store, clock), lookAgainMs: 50 });
  cleanUps.push(() => scheduler.stop());
  scheduler.start();
  const book = await openPolicyBook(store, clock);
  return { store, clock, scheduler, book, policy: book.active().policy };
}

it('a policy is previewed for those loans too that have nothing more to come under the one in force', async () => {
  const { scheduler, clock, book, policy } = await world('2026-06-01T00:00:00.000Z');
  await scheduler.out(loanOf({ due: { date: '2026-06-19' } }), clock.now());
  await book.activate({ policy: { ...policy, ladders: { ...policy.ladders, LONG: { reminders: [], overdue: null } } }, basedOn: 1 });
  await until(async () => (await scheduler.find('a-1'))!.policyVersion === 2);
  expect(await scheduler.soonest()).toBeUndefined();
  expect(await scheduler.preview(policy, clock.now())).toMatchObject({ loans: 1, loansChanged: 1, byType: { RETARD: { before: { messages: 0 }, after: { messages: 4 } } } });
  await book.activate({ policy, basedOn: 2 });
  await until(async () => (await scheduler.find('a-1'))!.policyVersion === 3);
  expect((await scheduler.find('a-1'))!.rungs.filter(({ type }) => type === 'RETARD')).toHaveLength(4);
});

it('it is previewed in messages as they go out: a borrower is told of several loans at once', async () => {
  const { scheduler, clock, store, policy } = await world('2026-06-01T00:00:00.000Z');
  const loans = ['10:00', '10:10', '10:20'].map((time, i) => loanOf({ id: `a-${i}`, duration: 'COURT', due: { date: '2026-06-19', time } }));
  await Promise.all(loans.map((loan) => scheduler.out(loan, clock.now())));
  const COURT = { ...policy.ladders.COURT, overdue: { ...policy.ladders.COURT.overdue!, graceMinutes: 0 } };
  const { byType } = await scheduler.preview({ ...policy, ladders: { ...policy.ladders, COURT } }, clock.now());
  expect(byType).toEqual({
    RAPPEL_2H: { before: { reminders: 3, messages: 3 }, after: { reminders: 3, messages: 3 } },
    // Without grace nobody is late together the first time: the second one's deadline has not come when the first is told.
    RETARD: { before: { reminders: 12, messages: 8 }, after: { reminders: 12, messages: 9 } },
  });
  for (const at of ['19T08:15', '19T08:35', '20T08:15', '20T08:35', '22T08:15', '22T08:35', '26T08:15', '26T08:35']) {
    clock.set(`2026-06-${at}:00.000Z`);
    await until(async () => { const at = await scheduler.soonest(); return at === undefined || at > clock.now(); });
  }
  const told = (await store.readAll({ categories: ['schedule'], limit: 100 })).filter(({ type }) => type === 'OverdueMomentPassed').map(({ data }) => data as OverdueMomentPassed);
  expect(new Set(told.map(({ attributionId, occurrence, companions }) => `${occurrence} ${companions?.join() ?? attributionId}`)).size).toBe(8);
});
