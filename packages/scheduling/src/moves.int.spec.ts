import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { RecordedEvent } from '@rappel/event-store';
import type { Pool } from '@rappel/postgres';
import { loanOf } from '../test/scene.ts';
import { cleanUp, cleanUps, until, world } from '../test/world.ts';
import { openPolicyBook, type PolicyBook } from './policies.ts';
import { rebuildSchedules } from './rebuild.ts';
import { createScheduler } from './scheduler.ts';
import { replanPage, takeInBorrowers, takeInLoans } from './take-in.ts';
import { keepZones } from './zones.ts';

afterEach(cleanUp);

/** Somebody moves between any look at the zones and the storing of plans, unless the zones are held. */
const overtaken = (pool: Pool): Pool => Object.assign(Object.create(pool) as Pool, {
  query: async (query: { name?: string }) => {
    const result = await pool.query<{ moves: string }>(query as never);
    return query.name === 'scheduler-zones' ? { rows: result.rows.map((row) => ({ ...row, moves: '-1' })) } : result;
  },
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
    const news = { loan: loanOf({ due: { date: '2026-06-19' } }), open: true, at: clock.now() };
    expect((await takeInLoans(overtaken(pool), [news], (await openPolicyBook(store, clock)).all())).refused.size).toBe(0);
    expect(await scheduler.find('a-1')).toMatchObject({ open: true });
  });

  it.each<[what: string, work: (pool: Pool, book: PolicyBook, moved: RecordedEvent) => Promise<unknown>]>([
    ['a plan', (pool, book) => takeInLoans(overtaken(pool), [{ loan: loanOf(), open: true, at: '2026-06-01T00:00:00.000Z' }], book.all())],
    ['a move', (pool, book, moved) => takeInBorrowers(pool, [moved], book)],
    ['a new policy', (pool, book) => replanPage(pool, { book, after: '', limit: 100 })],
  ])('a rebuild waits for %s that has begun, which does not wait for the rebuild', async (_, work) => {
    const { scheduler, clock, store, pool } = await world('2026-06-01T00:00:00.000Z', { start: false });
    const book = await openPolicyBook(store, clock);
    const loan = loanOf({ due: { date: '2026-06-19' } });
    await store.append('attribution-a-1', [{ id: randomUUID(), type: 'AttributionCreated', data: { loan, at: clock.now() } }], 0);
    await scheduler.out(loan, clock.now());
    await store.append('borrower-b-1', [registered(clock.now(), 'Asia/Tokyo')], 0);
    const [moved] = await store.readStream('borrower-b-1');
    await book.activate({ policy: book.active().policy, basedOn: 1 });
    const waiting = (n: number) => until(async () => (await pool.query("SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")).rowCount === n);

    // Somebody keeps the row of moves until both stand in line: whoever came first must already hold the tables.
    const keeper = await pool.connect();
    let working;
    let rebuilding;
    try {
      await keeper.query('BEGIN; SELECT FROM scheduler.moves FOR UPDATE');
      working = work(pool, book, moved!);
      await waiting(1);
      rebuilding = rebuildSchedules({ pool, store, book });
      await waiting(2);
      await keeper.query('ROLLBACK');
    } finally {
      keeper.release();
    }
    expect(await Promise.allSettled([working, rebuilding])).toMatchObject([{ status: 'fulfilled' }, { status: 'fulfilled' }]);
    expect(await scheduler.find('a-1')).toMatchObject({ open: true, zone: 'Asia/Tokyo', policyVersion: 2 });
  });

  it('ends up where they live now, whatever is rebuilt, planned and told to plan otherwise meanwhile', async () => {
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
