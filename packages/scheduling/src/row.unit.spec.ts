import { describe, expect, it } from '@jest/globals';
import { loanOf } from '../test/scene.ts';
import { fromRow, plannedOf, settledOf } from './row.ts';
import type { Rung } from './rung.ts';
import type { Schedule } from './schedule.ts';

const kept = (rungs: readonly Rung[]): readonly Rung[] => {
  const loan = loanOf();
  const schedule: Schedule = { loan, open: true, basis: '2026-06-01T00:00:00.000Z', rungs, policyVersion: 2, recorded: 0 };
  return fromRow({
    attribution_id: loan.attributionId, borrower_id: loan.borrowerId, open: true, loan: JSON.stringify(loan), zone: null, correlation: null, basis: schedule.basis,
    plan: plannedOf(schedule), settled: settledOf(schedule), policy_version: 2, recorded: 0,
  }).rungs;
};

describe('a plan in a row', () => {
  it('comes back with every field, to the millisecond, rungs before the first one too', () => {
    const rungs: Rung[] = [
      { type: 'RAPPEL_J2', n: 1, at: '2026-06-17T07:00:00.001Z', until: '2026-06-17T22:00:00.000Z', policy: 1, channels: ['EMAIL'], done: 'emitted' },
      { type: 'RAPPEL_J1', n: 1, at: '2026-06-16T23:59:59.999Z', until: '2026-06-16T23:59:59.999Z', policy: 2, skip: 'too-late' },
      { type: 'RETARD', n: 1, level: 1, at: '2027-02-28T18:00:00.000Z', policy: 2 },
      { type: 'RETARD', n: 2, level: 2, at: '2027-03-28T01:30:00.333Z', policy: 2, skip: 'already-past', done: 'already-past' },
    ];
    expect(kept(rungs)).toEqual(rungs);
  });

  it('may be empty', () => {
    expect(kept([])).toEqual([]);
  });
});
