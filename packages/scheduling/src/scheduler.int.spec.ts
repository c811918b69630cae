import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Clock, OverdueMomentPassed, ReminderDue } from '@rappel/contracts';
import { createInMemoryEventStore, type EventStore, type RecordedEvent } from '@rappel/event-store';
import { createPool, migrate, type Pool } from '@rappel/postgres';
import { loanOf } from '../test/scene.ts';
import { createDatabase, handClock, until } from '../test/world.ts';
import { migrations } from './migrations.ts';
import { openPolicyBook } from './policies.ts';
import { prepareSchedules } from './rebuild.ts';
import { createScheduler, type Scheduler } from './scheduler.ts';
import { takeInLoans } from './take-in.ts';
import { keepZones } from './zones.ts';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

interface World {
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

async function world(now: string, { start = true } = {}): Promise<World> {
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

describe('what a row says', () => {
  it('is the plan that the loan was told by, also after it was closed with another due moment, by somebody who has moved', async () => {
    const { scheduler, clock, store, pool, told } = await world('2026-06-01T00:00:00.000Z');
    await scheduler.out(loanOf({ due: { date: '2026-06-19' } }), clock.now());
    clock.set('2026-06-17T07:00:00.000Z');
    await until(async () => (await told()).length === 1);
    const { rungs } = (await scheduler.find('a-1'))!;
    await scheduler.closed({ ...loanOf({ due: { date: '2026-06-29' } }), dueVersion: 2 }, '2026-06-17T07:30:00.000Z');
    await store.append('borrower-b-1', [{ id: randomUUID(), type: 'BorrowerUpdated', data: { borrowerId: 'b-1', locale: 'fr', preferences: {}, has: { email: true, phone: true }, zone: 'Asia/Tokyo', at: '2026-06-17T08:00:00.000Z' } }], 'any');
    await until(async () => (await pool.query('SELECT 1 FROM scheduler.zones')).rowCount === 1);
    expect(await scheduler.find('a-1')).toMatchObject({ open: false, rungs });
  });

  it('is understood by an instance that has not heard of its policy yet', async () => {
    const { clock, store, scheduler: behind, another, pool } = await world('2026-06-01T00:00:00.000Z', { start: false });
    const book = await openPolicyBook(store, clock);
    const { policy } = book.active();
    const reminders = policy.ladders.LONG.reminders.map((rung) => ('daysBefore' in rung.when ? { ...rung, when: { ...rung.when, at: '10:30' } } : rung));
    await book.activate({ policy: { ...policy, ladders: { ...policy.ladders, LONG: { ...policy.ladders.LONG, reminders } } }, basedOn: 1 });
    const ahead = await another();
    await ahead.out(loanOf({ due: { date: '2026-06-19' } }), '2026-06-02T00:00:00.000Z');
    expect((await pool.query('SELECT plan, policy_version FROM scheduler.schedules')).rows).toEqual([{ plan: null, policy_version: 2 }]);
    const [first] = (await behind.find('a-1'))!.rungs;
    expect(first).toMatchObject({ at: '2026-06-17T08:30:00.000Z', policy: 2 });
    await pool.query('UPDATE scheduler.schedules SET policy_version = 3');
    await expect(behind.find('a-1')).rejects.toThrow('policy version 3 is not in the store');
  });

  it('is moved on when its next moment is not one of its plan, and told when that says so', async () => {
    const { scheduler, clock, pool, told } = await world('2026-06-01T00:00:00.000Z', { start: false });
    await scheduler.out(loanOf({ due: { date: '2026-06-19' } }), clock.now());
    await pool.query('UPDATE scheduler.schedules SET next_at = $1', [clock.now()]);
    scheduler.start();
    await until(async () => await scheduler.soonest() === '2026-06-17T07:00:00.000Z');
    expect(await told()).toEqual([]);
    clock.set('2026-06-17T07:00:00.000Z');
    await until(async () => (await told()).length === 1);
  });

  it('is the same in a row of an older release, which is upgraded where it is', async () => {
    const { store, clock, another, told, pool, scheduler } = await world('2026-06-01T00:00:00.000Z', { start: false });
    await pool.query('DROP SCHEMA scheduler CASCADE');
    await migrate(pool, 'scheduler', migrations.filter(({ id }) => id <= 4));
    const loan = loanOf({ due: { date: '2026-06-19' }, department: 'tools' });
    await pool.query(`INSERT INTO scheduler.schedules (attribution_id, borrower_id, due_version, open, loan, basis, plan, settled, policy_version, recorded, next_at)
      VALUES ($1, $2, 1, true, $3, $4, $5, '', 1, 0, '2026-06-17T07:00:00.000Z')`,
    [loan.attributionId, loan.borrowerId, JSON.stringify(loan), clock.now(), '["2026-06-17T07:00:00.000Z",["RAPPEL_J2",1,0,54000,1],["RETARD",1,206100,null,1,1]]']);
    await pool.query("INSERT INTO scheduler.built (at, head) VALUES (now(), '')");
    await prepareSchedules({ pool, store, book: await openPolicyBook(store, clock) });
    expect(await scheduler.find('a-1')).toEqual({
      loan, open: true, basis: clock.now(), policyVersion: 1, recorded: 0,
      rungs: [
        { type: 'RAPPEL_J2', n: 1, at: '2026-06-17T07:00:00.000Z', until: '2026-06-17T22:00:00.000Z', policy: 1 },
        { type: 'RETARD', n: 1, level: 1, at: '2026-06-19T16:15:00.000Z', policy: 1 },
      ],
    });
    (await another()).start();
    clock.set('2026-06-17T07:00:00.000Z');
    await until(async () => (await told()).length === 1);
    expect((await store.readStream('schedule-a-1'))[0]!.data).toMatchObject({ type: 'RAPPEL_J2', loans: [loan], validUntil: '2026-06-17T22:00:00.000Z' });
    expect(await scheduler.soonest()).toBe('2026-06-19T16:15:00.000Z');
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

describe('a new policy', () => {
  it('plans open loans anew and leaves what was sent alone', async () => {
    const { scheduler, clock, told, store, another } = await world('2026-06-01T00:00:00.000Z');
    await another();
    await scheduler.out(loanOf({ due: { date: '2026-06-19' } }), clock.now());
    clock.set('2026-06-17T08:00:00.000Z');
    await until(async () => (await told()).length === 1);
    const book = await openPolicyBook(store, clock);
    const { ladders } = book.active().policy;
    const LONG = { ...ladders.LONG, reminders: ladders.LONG.reminders.map((rung) => ('daysBefore' in rung.when ? { ...rung, when: { ...rung.when, at: '10:30' } } : rung)) };
    await book.activate({ policy: { ...book.active().policy, ladders: { ...ladders, LONG } }, basedOn: 1 });
    await until(async () => (await scheduler.find('a-1'))!.policyVersion === 2);
    expect((await scheduler.find('a-1'))!.rungs.slice(0, 3).map(({ type, at, policy, done }) => [type, at, policy, done])).toEqual([
      ['RAPPEL_J2', '2026-06-17T07:00:00.000Z', 1, 'emitted'],
      ['RAPPEL_J1', '2026-06-18T08:30:00.000Z', 2, undefined],
      ['RAPPEL_FINAL', '2026-06-19T08:30:00.000Z', 2, undefined],
    ]);
    clock.set('2026-06-18T08:30:00.000Z');
    await until(async () => (await told()).length === 2);
    expect(await told()).toEqual(['RAPPEL_J2 a-1', 'RAPPEL_J1 a-1']);
  });
});

describe('a borrower who moves', () => {
  const registered = (at: string, zone?: string, locale = 'fr') => ({ id: randomUUID(), type: 'BorrowerUpdated', data: { borrowerId: 'b-1', locale, preferences: {}, has: { email: true, phone: true }, at, ...(zone ? { zone } : {}) } });

  it('is told what is still to come by the clocks of the new place; what was told stays explained as it was', async () => {
    const { scheduler, clock, told, store, another } = await world('2026-06-01T00:00:00.000Z');
    await another();
    await store.append('borrower-b-1', [registered(clock.now())], 'any');
    await scheduler.out(loanOf({ due: { date: '2026-06-19' } }), clock.now());
    clock.set('2026-06-17T07:00:00.000Z');
    await until(async () => (await told()).length === 1);
    clock.set('2026-06-17T10:00:00.000Z');
    await store.append('borrower-b-1', [registered(clock.now(), 'America/New_York')], 'any');
    await until(async () => (await scheduler.find('a-1'))!.zone === 'America/New_York');
    expect((await scheduler.explained('a-1'))!.rungs.slice(0, 3).map(({ at, done, why }) => [at, done, why])).toEqual([
      ['2026-06-17T07:00:00.000Z', 'emitted', '2 days before at 09:00 (Europe/Paris)'],
      ['2026-06-18T13:00:00.000Z', undefined, '1 day before at 09:00 (America/New_York)'],
      ['2026-06-19T12:00:00.000Z', undefined, 'on the day at 08:00 (America/New_York)'],
    ]);
    clock.set('2026-06-18T12:59:59.999Z');
    await store.append('borrower-b-1', [registered(clock.now(), 'Europe/Paris')], 'any');
    // 09:00 in Paris is past by now, and it is still true that the loan is due tomorrow.
    await until(async () => (await told()).length === 2);
    clock.set('2026-06-19T06:00:00.000Z');
    await until(async () => (await told()).length === 3);
    expect(await told()).toEqual(['RAPPEL_J2 a-1', 'RAPPEL_J1 a-1', 'RAPPEL_FINAL a-1']);
  });

  it('is not told by the old clocks what falls due while nobody has heard of the move', async () => {
    const { scheduler, clock, told, store, another } = await world('2026-06-01T00:00:00.000Z', { start: false });
    await scheduler.out(loanOf({ due: { date: '2026-06-19' } }), clock.now());
    await store.append('borrower-b-1', [registered(clock.now(), 'America/New_York')], 'any');
    clock.set('2026-06-17T07:00:00.000Z');
    (await another()).start();
    await until(async () => (await scheduler.find('a-1'))!.zone === 'America/New_York');
    clock.set('2026-06-17T13:00:00.000Z');
    await until(async () => (await told()).length === 1);
    expect((await store.readStream('schedule-a-1'))[0]!.data).toMatchObject({ plannedFor: '2026-06-17T13:00:00.000Z' });
  });

  it('while a loan of theirs is being planned has it planned where they live by then', async () => {
    const { scheduler, clock, pool } = await world('2026-06-01T00:00:00.000Z', { start: false });
    const client = await pool.connect();
    const moved = { ...registered(clock.now(), 'Asia/Tokyo'), version: 1 } as unknown as RecordedEvent;
    try {
      await client.query('BEGIN');
      await keepZones(client, [moved]);
      const out = scheduler.out(loanOf({ due: { date: '2026-06-19' } }), clock.now());
      await until(async () => (await pool.query("SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%INSERT INTO scheduler.schedules%'")).rowCount === 1);
      await client.query('COMMIT');
      await out;
    } finally {
      client.release();
    }
    expect(await scheduler.find('a-1')).toMatchObject({ zone: 'Asia/Tokyo', rungs: [{ at: '2026-06-18T00:00:00.000Z' }, {}, {}, {}, {}, {}, {}] });
  });

  it('holds no loan up, though somebody moves between any look at the zones and the storing of plans', async () => {
    const { clock, pool, scheduler, store } = await world('2026-06-01T00:00:00.000Z', { start: false });
    const restless = Object.assign(Object.create(pool) as Pool, {
      query: async (query: { name?: string }) => {
        const result = await pool.query(query as never);
        if (query.name === 'scheduler-zones') await pool.query('UPDATE scheduler.moves SET n = n + 1');
        return result;
      },
    });
    const news = { loan: loanOf({ due: { date: '2026-06-19' } }), open: true, at: clock.now() };
    expect((await takeInLoans(restless, [news], (await openPolicyBook(store, clock)).all())).refused.size).toBe(0);
    expect(await scheduler.find('a-1')).toMatchObject({ open: true });
  });

  it('waits for nobody who waits for them: rebuilding, planning, new policies and moves, all at once', async () => {
    const { clock, store, pool, scheduler } = await world('2026-06-01T00:00:00.000Z');
    const failures: unknown[] = [];
    const book = await openPolicyBook(store, clock);
    const busy = createScheduler({ store, pool, clock, book, lookAgainMs: 50, onFailure: (error) => failures.push(error) });
    cleanUps.push(() => busy.stop());
    busy.start();
    const homes = ['Asia/Tokyo', 'America/New_York', 'Europe/Paris', 'Asia/Kathmandu'];
    for (let round = 0; round < 12; round++) {
      const loans = Array.from({ length: 60 }, (_, i) => loanOf({ id: `a-${round}-${i}`, borrower: i % 2 === 0 ? 'b-1' : `b-${i}`, due: { date: '2026-06-19' } }));
      await Promise.all(loans.map((loan) => store.append(`attribution-${loan.attributionId}`, [{ id: randomUUID(), type: 'AttributionCreated', data: { loan, at: clock.now() } }], 0)));
      await Promise.all([
        ...loans.map((loan, i) => (i % 3 === 0 ? scheduler : busy).out(loan, clock.now())),
        store.append('borrower-b-1', [registered(clock.now(), homes[round % homes.length])], 'any'),
        ...(round % 3 === 0 ? [busy.rebuild(), scheduler.rebuild()] : []),
        ...(round % 4 === 0 ? [book.activate({ policy: { ...book.active().policy }, basedOn: book.active().version })] : []),
      ]);
    }
    const settled = "SELECT count(*)::int AS n FROM scheduler.schedules WHERE policy_version = 4 AND zone IS NOT DISTINCT FROM CASE WHEN borrower_id = 'b-1' THEN 'Asia/Kathmandu' END";
    await until(async () => (await pool.query<{ n: number }>(settled)).rows[0]!.n === 720);
    expect(failures).toEqual([]);
  });

  it('is nothing to the schedule when only their language changes, and lives nowhere in a zone that nobody knows', async () => {
    const { scheduler, clock, store, pool } = await world('2026-06-01T00:00:00.000Z');
    await store.append('borrower-b-1', [registered(clock.now(), 'Asia/Kathmandu')], 'any');
    await until(async () => (await pool.query('SELECT 1 FROM scheduler.zones')).rowCount === 1);
    await scheduler.out(loanOf({ due: { date: '2026-06-19' } }), clock.now());
    const before = await scheduler.find('a-1');
    expect(before).toMatchObject({ zone: 'Asia/Kathmandu' });
    await store.append('borrower-b-1', [registered(clock.now(), 'Asia/Kathmandu', 'en'), registered(clock.now(), 'Mars/Olympus', 'en'), registered(clock.now(), 'Asia/Tokyo', 'en')], 'any');
    await until(async () => (await scheduler.find('a-1'))!.zone === 'Asia/Tokyo');
    expect((await pool.query<{ changes: unknown[] }>('SELECT changes FROM scheduler.zones')).rows[0]!.changes).toMatchObject([{ zone: 'Asia/Kathmandu' }, { version: 3 }, { zone: 'Asia/Tokyo' }]);
    expect((await pool.query<{ zone?: string }>("SELECT changes->1->>'zone' AS zone FROM scheduler.zones")).rows).toEqual([{ zone: null }]);
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
