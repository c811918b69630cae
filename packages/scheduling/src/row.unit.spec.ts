import { describe, expect, it } from '@jest/globals';
import type { LoanSnapshot } from '@rappel/contracts';
import { inForce, loanOf } from '../test/scene.ts';
import { plannedRungs } from './plan.ts';
import { fromRow, lentOf, plannedOf, settledOf, type Row } from './row.ts';
import type { Rung } from './rung.ts';
import type { Schedule } from './schedule.ts';

const active = inForce({}, 2);
const scheduleOf = (rungs: readonly Rung[], rest: Partial<Schedule> = {}): Schedule => ({ loan: loanOf(), open: true, basis: '2026-03-01T00:00:00.000Z', rungs, policyVersion: 2, recorded: 0, ...rest });

const rowOf = (schedule: Schedule): Row => ({
  attribution_id: schedule.loan.attributionId, borrower_id: schedule.loan.borrowerId, due_version: schedule.loan.dueVersion, open: true, lent: lentOf(schedule),
  zone: schedule.zone ?? null, correlation: null, basis: schedule.basis, plan: plannedOf(schedule, active) ?? null, settled: settledOf(schedule), policy_version: 2, recorded: 0,
});
const kept = (schedule: Schedule): Schedule => fromRow(rowOf(schedule), active);

describe('a plan in a row', () => {
  it('comes back with every field, to the millisecond, rungs before the first one too', () => {
    const rungs: Rung[] = [
      { type: 'RAPPEL_J2', n: 1, at: '2026-06-17T07:00:00.001Z', until: '2026-06-17T22:00:00.000Z', policy: 1, channels: ['EMAIL'], done: 'emitted' },
      { type: 'RAPPEL_J1', n: 1, at: '2026-06-16T23:59:59.999Z', until: '2026-06-16T23:59:59.999Z', policy: 2, skip: 'too-late' },
      { type: 'RETARD', n: 1, level: 1, at: '2027-02-28T18:00:00.000Z', policy: 2 },
      { type: 'RETARD', n: 2, level: 2, at: '2027-03-28T01:30:00.333Z', policy: 2, skip: 'already-past', done: 'already-past' },
    ];
    expect(kept(scheduleOf(rungs)).rungs).toEqual(rungs);
  });

  it('may be empty', () => {
    expect(kept(scheduleOf([])).rungs).toEqual([]);
  });

  it.each([
    ['planned in time', {}],
    ['planned in a zone of its own', { zone: 'America/New_York' }],
    ['planned when some of it was past', { basis: '2026-03-29T12:00:00.000Z' }],
  ])('is not written when the row gives it anyway: %s', (_, rest) => {
    const { loan, basis, zone } = scheduleOf([], rest);
    const usual = plannedRungs({ loan, basis, active, ...(zone ? { zone } : {}) });
    for (const rungs of [usual, structuredClone(usual), usual.map((rung, i): Rung => (i === 0 ? { ...rung, done: rung.skip ?? 'emitted' } : rung))]) {
      const schedule = scheduleOf(rungs, rest);
      expect(rowOf(schedule).plan).toBeNull();
      expect(kept(schedule)).toEqual(schedule);
    }
  });

  it('is written when anything about it is unusual', () => {
    const [first, ...others] = plannedRungs({ loan: loanOf(), basis: '2026-03-01T00:00:00.000Z', active });
    for (const rungs of [others, [{ ...first!, policy: 1 }, ...others], [{ ...first!, at: '2026-03-28T07:00:00.001Z' }, ...others], [...others, first!]]) {
      const schedule = scheduleOf(rungs);
      expect(rowOf(schedule).plan).not.toBeNull();
      expect(kept(schedule)).toEqual(schedule);
    }
  });
});

describe('a loan in a row', () => {
  const whole: LoanSnapshot = loanOf({ id: 'a', borrower: 'b', department: 'tools', category: 'drills', dueVersion: 7, due: { time: '11:30' } });

  it('comes back whole, what columns hold written once', () => {
    const row = rowOf(scheduleOf([], { loan: whole }));
    expect(fromRow(row, active).loan).toEqual(whole);
    expect(Object.keys(JSON.parse(row.lent) as object)).toEqual(['department', 'category', 'item', 'duration', 'due', 'dueAt']);
  });

  it('is read from an older row, which holds all of it', () => {
    expect(fromRow({ ...rowOf(scheduleOf([], { loan: whole })), lent: JSON.stringify(whole) }, active).loan).toEqual(whole);
  });
});
