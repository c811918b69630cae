import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it } from '@jest/globals';
import { migrate } from '@rappel/postgres';
import { loanOf } from '../test/scene.ts';
import { cleanUp, until, world } from '../test/world.ts';
import { migrations } from './migrations.ts';
import { openPolicyBook } from './policies.ts';
import { prepareSchedules } from './rebuild.ts';

afterEach(cleanUp);

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
