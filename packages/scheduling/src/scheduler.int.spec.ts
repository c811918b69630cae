import { afterEach, describe, expect, it } from '@jest/globals';
import type { Clock } from '@rappel/contracts';
import { loanOf } from '../test/scene.ts';
import { cleanUp, cleanUps, until, world } from '../test/world.ts';
import { openPolicyBook } from './policies.ts';
import { createScheduler } from './scheduler.ts';

afterEach(cleanUp);

describe('a loan on time', () => {
  it('is told each rung once at its moment', async () => {
    const { scheduler, clock, told, recorded } = await world('2026-06-01T00:00:00.000Z');
    await scheduler.out(loanOf({ due: { date: '2026-06-19' } }), clock.now(), 'desk-42');
    for (const at of ['2026-06-17T07:00:00.000Z', '2026-06-18T07:00:00.000Z', '2026-06-19T06:00:00.000Z', '2026-06-19T16:15:00.000Z', '2026-06-20T16:15:00.000Z']) {
      const before = (await told()).length;
      clock.set(new Date(Date.parse(at) - 1).toISOString());
      clock.set(at);
      await until(async () => (await told()).length > before);
    }
    expect(await told()).toEqual(['RAPPEL_J2 a-1', 'RAPPEL_J1 a-1', 'RAPPEL_FINAL a-1', 'RETARD 1 a-1', 'RETARD 2 a-1']);
    const [first, , , , late] = await recorded('a-1');
    expect(first!.data).toEqual({
      type: 'RAPPEL_J2', borrowerId: 'b-1', loans: [loanOf({ due: { date: '2026-06-19' } })], occurrence: 1,
      plannedFor: '2026-06-17T07:00:00.000Z', validUntil: '2026-06-17T22:00:00.000Z', policyVersion: 1, at: '2026-06-17T07:00:00.000Z',
    });
    expect(late!.data).toMatchObject({ attributionId: 'a-1', dueVersion: 1, occurrence: 2, level: 2, daysLate: 1 });
    expect((await recorded('a-1')).map(({ metadata }) => metadata.correlationId)).toEqual(Array.from({ length: 5 }, () => 'desk-42'));
  });

  it('is told nothing more once it is back or cancelled, and everything again once it is extended', async () => {
    const { scheduler, clock, told, recorded } = await world('2026-06-01T00:00:00.000Z');
    const [back, extended, kept] = ['back', 'extended', 'kept'].map((id) => loanOf({ id, borrower: `of-${id}`, due: { date: '2026-06-19' } }));
    for (const loan of [back!, extended!, kept!]) await scheduler.out(loan, clock.now());
    clock.set('2026-06-17T07:00:00.000Z');
    await until(async () => (await told()).length === 3);
    await scheduler.closed(back!, clock.now());
    await scheduler.out({ ...loanOf({ id: 'extended', borrower: 'of-extended', due: { date: '2026-06-29' } }), dueVersion: 2 }, clock.now(), 'desk-43');
    clock.set('2026-06-18T07:00:00.000Z');
    await until(async () => (await told()).length === 4);
    await scheduler.closed(kept!, clock.now());
    clock.set('2026-06-27T07:00:00.000Z');
    await until(async () => (await told()).length === 5);
    expect((await told()).slice(3)).toEqual(['RAPPEL_J1 kept', 'RAPPEL_J2 extended']);
    expect((await recorded('extended')).at(-1)!.metadata.correlationId).toBe('desk-43');
  });
});

describe('messages in any order', () => {
  it('does not plan what is back already, nor an older due moment than the one it knows', async () => {
    const { scheduler, clock } = await world('2026-06-01T00:00:00.000Z', { start: false });
    const old = loanOf({ id: 'moved', due: { date: '2026-06-19' } });
    const moved = { ...loanOf({ id: 'moved', due: { date: '2026-06-29' } }), dueVersion: 2 };
    await scheduler.closed(loanOf({ id: 'back' }), clock.now());
    await scheduler.out(loanOf({ id: 'back' }), clock.now());
    await Promise.all([scheduler.out(moved, clock.now()), scheduler.out(old, clock.now()), scheduler.out(moved, clock.now())]);
    expect(await scheduler.find('back')).toMatchObject({ open: false });
    expect(await scheduler.find('moved')).toMatchObject({ open: true, loan: { dueVersion: 2 } });
    await scheduler.closed(old, clock.now());
    expect(await scheduler.find('moved')).toMatchObject({ open: false });
  });
});

describe('after being down', () => {
  it('sends late what is still of use, and records what was overtaken or is too late', async () => {
    const down = await world('2026-06-01T00:00:00.000Z', { start: false });
    await down.scheduler.out(loanOf({ id: 'hours', borrower: 'x', due: { date: '2026-06-20' } }), down.clock.now());
    await down.scheduler.out(loanOf({ id: 'days', borrower: 'y', due: { date: '2026-06-19' } }), down.clock.now());
    await down.scheduler.out(loanOf({ id: 'missed', borrower: 'z', due: { date: '2026-06-14' } }), down.clock.now());
    down.clock.set('2026-06-18T13:00:00.000Z');
    (await down.another()).start();
    await until(async () => (await down.told()).length === 3);
    expect((await down.told()).toSorted()).toEqual(['RAPPEL_J1 days', 'RAPPEL_J2 hours', 'RETARD 3 missed']);
    const reasons = async (id: string) => (await down.recorded(id)).map(({ data }) => { const { type, reason } = data as { type?: string; reason?: string }; return [type, reason]; });
    expect(await reasons('days')).toEqual([['RAPPEL_J2', 'too-late'], ['RAPPEL_J1', undefined]]);
    expect((await reasons('missed')).map(([, reason]) => reason)).toEqual(['too-late', 'too-late', 'too-late', 'overtaken', 'overtaken', undefined]);
    expect((await down.recorded('missed')).at(-1)!.data).toMatchObject({ daysLate: 4, occurrence: 3 });
  });
});

describe('several items of one borrower', () => {
  it('go out as one reminder that lists them, each with a record of its own', async () => {
    const { scheduler, clock, told, recorded } = await world('2026-06-01T00:00:00.000Z');
    for (const id of ['one', 'two', 'three']) await scheduler.out(loanOf({ id, due: { date: '2026-06-19' } }), clock.now());
    await scheduler.out(loanOf({ id: 'other', borrower: 'somebody else', due: { date: '2026-06-19' } }), clock.now());
    clock.set('2026-06-17T07:00:00.000Z');
    await until(async () => (await told()).length === 2);
    expect((await told()).toSorted()).toEqual(['RAPPEL_J2 one,three,two', 'RAPPEL_J2 other']);
    expect((await recorded('two'))[0]).toMatchObject({ type: 'ReminderGrouped', data: { leader: 'one', type: 'RAPPEL_J2', attributionId: 'two' } });
    clock.set('2026-06-19T16:15:00.000Z');
    await until(async () => (await told()).filter((line) => line.startsWith('RETARD')).length === 4);
    expect((await recorded('two')).at(-1)!.data).toMatchObject({ companions: ['one', 'three', 'two'] });
  });

  it('come a little early to go out together, but nobody is called late before the deadline', async () => {
    const { scheduler, clock, told, store } = await world('2026-06-01T00:00:00.000Z', { start: false });
    const book = await openPolicyBook(store, clock);
    const { policy } = book.active();
    const LONG = { reminders: [{ ...policy.ladders.LONG.reminders[0]!, when: { hoursBefore: 48 } }], overdue: { graceMinutes: 5, repeatAfterDays: [], count: 'calendar' as const } };
    await book.activate({ policy: { ...policy, ladders: { ...policy.ladders, LONG } }, basedOn: 1 });
    const due = (id: string, time: string) => scheduler.out(loanOf({ id, due: { date: '2026-06-19', time } }), clock.now());
    await Promise.all([due('at-noon', '12:00'), due('minutes-later', '12:04'), due('in-the-window', '12:14'), due('after-it', '12:20')]);
    scheduler.start();
    for (const id of ['at-noon', 'minutes-later', 'in-the-window', 'after-it']) await until(async () => (await scheduler.find(id))!.policyVersion === 2);
    clock.set('2026-06-17T10:00:00.000Z');
    await until(async () => (await told()).length === 1);
    expect(await told()).toEqual(['RAPPEL_J2 at-noon,minutes-later,in-the-window']);
    clock.set('2026-06-19T10:05:00.000Z');
    await until(async () => (await told()).filter((line) => line.startsWith('RETARD')).length >= 2);
    expect((await told()).filter((line) => line.startsWith('RETARD'))).toEqual(['RETARD 1 at-noon', 'RETARD 1 minutes-later']);
  });

  it('stay apart when the policy says so', async () => {
    const { scheduler, clock, told, store } = await world('2026-06-01T00:00:00.000Z', { start: false });
    const book = await openPolicyBook(store, clock);
    await book.activate({ policy: { ...book.active().policy, grouping: { types: [], windowMinutes: 15 } }, basedOn: 1, why: 'one message per item', actor: 'operator:alice' });
    for (const id of ['one', 'two']) await scheduler.out(loanOf({ id, due: { date: '2026-06-19' } }), clock.now());
    scheduler.start();
    for (const id of ['one', 'two']) await until(async () => (await scheduler.find(id))!.policyVersion === 2);
    clock.set('2026-06-17T07:00:00.000Z');
    await until(async () => (await told()).length === 2);
    expect((await told()).toSorted()).toEqual(['RAPPEL_J2 one', 'RAPPEL_J2 two']);
  });
});

it('asks the database nothing while nothing is due, however often it looks at the clock', async () => {
  const { store, pool, clock, scheduler: planner } = await world('2026-06-01T00:00:00.000Z', { start: false });
  for (const id of ['one', 'two', 'three']) await planner.out(loanOf({ id, due: { date: '2026-06-19' } }), clock.now());
  let [queries, looks] = [0, 0];
  const counting = new Proxy(pool, {
    get: (target, key) => {
      if (key === 'query' || key === 'connect') queries += 1;
      const value = Reflect.get(target, key) as unknown;
      return typeof value === 'function' ? value.bind(target) as unknown : value;
    },
  });
  const watched: Clock = { now: () => clock.now(), realMsUntil: (at) => { looks += 1; return clock.realMsUntil(at); } };
  const scheduler = createScheduler({ store, pool: counting, clock: watched, book: await openPolicyBook(store, clock), lookAgainMs: 60_000 });
  cleanUps.push(() => scheduler.stop());
  scheduler.start();
  await until(() => looks > 20);
  const [before, from] = [queries, looks];
  expect(before).toBeGreaterThan(0);
  await until(() => looks > from + 200);
  expect(queries).toBe(before);
  await planner.out(loanOf({ id: 'four', due: { date: '2026-06-19' } }), clock.now());
  clock.set('2026-06-17T07:00:00.000Z');
  await until(async () => (await store.readStream('schedule-four')).length === 1);
});
