import { describe, expect, it } from '@jest/globals';
import { durations, type LoanSnapshot } from '@rappel/contracts';
import fc from 'fast-check';
import { DateTime } from 'luxon';
import { inForce, loanOf } from '../test/scene.ts';
import { seedOf } from '../test/seed.ts';
import { addDays } from './calendar.ts';
import { plan, plannedRungs } from './plan.ts';
import type { ActivePolicy } from './policy.ts';
import { rungKey, type Rung } from './rung.ts';
import { nextAt, planThrough, underNewPolicy, type Schedule } from './schedule.ts';
import { afterwards, told, wake, type Output } from './wake.ts';

const seed = seedOf('wake');
const LONG_AGO = '2000-01-01T00:00:00.000Z';
const scheduled = (loan: LoanSnapshot, active: ActivePolicy = inForce(), basis = LONG_AGO): Schedule => planThrough({ loan, basis, policies: [active], zones: [] });
const inShort = (outputs: readonly Output[]) => outputs.map((output) => {
  if (output.kind === 'emit') return `emit ${rungKey(output.rung)}`;
  if (output.kind === 'ignore') return `ignore ${rungKey(output.rung)} ${output.reason}`;
  return output.kind === 'remindAt' ? `remindAt ${output.at}` : output.kind;
});

describe('waking', () => {
  const june = loanOf({ due: { date: '2026-06-19' } });
  it.each([
    ['on time', '2026-06-17T07:00:00.000Z', ['emit RAPPEL_J2/1', 'remindAt 2026-06-18T07:00:00.000Z']],
    ['some hours late', '2026-06-17T15:00:00.000Z', ['emit RAPPEL_J2/1', 'remindAt 2026-06-18T07:00:00.000Z']],
    ['too early', '2026-06-17T06:59:59.999Z', ['remindAt 2026-06-17T07:00:00.000Z']],
    ['when "in two days" is no longer true', '2026-06-18T03:00:00.000Z', ['ignore RAPPEL_J2/1 too-late', 'remindAt 2026-06-18T07:00:00.000Z']],
    ['after two rungs', '2026-06-18T08:00:00.000Z', ['ignore RAPPEL_J2/1 too-late', 'emit RAPPEL_J1/1', 'remindAt 2026-06-19T06:00:00.000Z']],
    ['after the deadline', '2026-06-19T16:20:00.000Z', ['ignore RAPPEL_J2/1 too-late', 'ignore RAPPEL_J1/1 too-late', 'ignore RAPPEL_FINAL/1 too-late', 'emit RETARD/1', 'remindAt 2026-06-20T16:15:00.000Z']],
    ['after everything', '2026-07-30T00:00:00.000Z', ['ignore RAPPEL_J2/1 too-late', 'ignore RAPPEL_J1/1 too-late', 'ignore RAPPEL_FINAL/1 too-late', 'ignore RETARD/1 overtaken', 'ignore RETARD/2 overtaken', 'ignore RETARD/3 overtaken', 'emit RETARD/4', 'cancel']],
  ])('%s', (_, now, outputs) => {
    expect(inShort(wake(scheduled(june), now, inForce()))).toEqual(outputs);
  });

  it('waits for the end of quiet hours when it comes late in them, or skips what is then too late', () => {
    const quiet = inForce({ quietHours: { from: '21:00', to: '08:00' } });
    expect(inShort(wake(scheduled(june, quiet), '2026-06-19T05:30:00.000Z', quiet))).toEqual(['ignore RAPPEL_J2/1 too-late', 'ignore RAPPEL_J1/1 too-late', 'remindAt 2026-06-19T06:00:00.000Z']);
    expect(inShort(wake(scheduled(june, quiet), '2026-06-18T21:30:00.000Z', quiet))).toEqual(['ignore RAPPEL_J2/1 too-late', 'ignore RAPPEL_J1/1 quiet-hours', 'remindAt 2026-06-19T06:00:00.000Z']);
  });

  it('does nothing for a loan that is back', () => {
    expect(wake({ ...scheduled(june), open: false }, '2026-06-19T16:20:00.000Z', inForce())).toEqual([{ kind: 'cancel' }]);
  });
});

const anyLoan = fc.record({
  date: fc.integer({ min: 0, max: 36_500 }).map((days) => addDays('2000-02-01', days)),
  time: fc.option(fc.integer({ min: 0, max: 1439 }).map((m) => `${String(Math.floor(m / 60)).padStart(2, '0')}:${String(m % 60).padStart(2, '0')}`), { nil: undefined }),
  zone: fc.constantFrom(...Intl.supportedValuesOf('timeZone')),
  duration: fc.constantFrom(...durations),
}).map(({ date, time, zone, duration }) => loanOf({ duration, due: { date, ...(time ? { time } : {}), zone } }));
type Change = NonNullable<Parameters<typeof inForce>[0]>;
const anyPolicy = fc.record({
  quietHours: fc.constantFrom<Change['quietHours']>(null, { from: '20:00', to: '08:30' }, { from: '00:00', to: '07:00' }),
  calendars: fc.constantFrom<Change['calendars']>({}, { default: { closedWeekdays: [6, 7] } }, { default: { closedWeekdays: [1], closedDates: ['12-25', '01-01'] } }),
}).map((change) => inForce(change));

describe('any loan anywhere in a hundred years', () => {
  it('has each rung on its wall, none at or after its deadline, none twice, in order', () => {
    fc.assert(fc.property(anyLoan, (loan) => {
      const rungs = plan({ loan, basis: LONG_AGO, active: inForce() });
      expect(new Set(rungs.map(rungKey)).size).toBe(rungs.length);
      const moments = rungs.filter(({ skip }) => !skip).map(({ at }) => at);
      expect(moments).toEqual(moments.toSorted());
      for (const { type, at, skip } of rungs) {
        const wall = DateTime.fromISO(at, { zone: loan.due.zone });
        if (type === 'RAPPEL_2H') expect(Date.parse(loan.dueAt) - Date.parse(at)).toBe(7_200_000);
        if (type === 'RAPPEL_J2' || type === 'RAPPEL_J1') {
          expect([wall.toISODate(), wall.toFormat('HH:mm')]).toEqual([addDays(loan.due.date, type === 'RAPPEL_J2' ? -2 : -1), '09:00']);
        }
        if (type !== 'RETARD') expect(skip !== undefined || at < loan.dueAt).toBe(true);
        else expect(at > loan.dueAt).toBe(true);
      }
    }), { seed, numRuns: 1000 });
  });

  it('is planned the same whether or not another loan with the same deadline was planned before, whenever each was lent', () => {
    const anyBasis = fc.integer({ min: -30 * 24 * 60, max: 30 * 24 * 60 });
    fc.assert(fc.property(anyLoan, anyPolicy, fc.array(anyBasis, { minLength: 2, maxLength: 6 }), (loan, active, minutes) => {
      for (const before of minutes) {
        const basis = new Date(Date.parse(loan.dueAt) + before * 60_000).toISOString();
        expect(plannedRungs({ loan, basis, active })).toEqual(plan({ loan, basis, active }).map((rung) => {
          const { why: _, ...rest } = rung;
          return rest;
        }));
      }
    }), { seed, numRuns: 300 });
  });

  it('whenever it is looked at: settles each rung once, tells at most one thing at a time, nothing useless, nothing in quiet hours', () => {
    const steps = fc.array(fc.integer({ min: 1, max: 60 * 24 * 6 }), { minLength: 1, maxLength: 30 });
    fc.assert(fc.property(anyLoan, anyPolicy, steps, (loan, active, minutes) => {
      let schedule = scheduled(loan, active);
      const total = schedule.rungs.length;
      const settled: string[] = [];
      let now = Date.parse(loan.dueAt) - 4 * 86_400_000;
      for (const step of [...minutes, 60 * 24 * 30]) {
        now += step * 60_000;
        const at = new Date(now).toISOString();
        const outputs = wake(schedule, at, active);
        const rung = told(outputs);
        if (rung) expectUseful(rung, at, { loan, active });
        expect(outputs.filter(({ kind }) => kind === 'emit').length).toBeLessThanOrEqual(1);
        settled.push(...outputs.flatMap((output) => (output.kind === 'emit' || output.kind === 'ignore' ? [rungKey(output.rung)] : [])));
        schedule = afterwards(schedule, outputs);
      }
      const last = outputsAtNoon(schedule, now, { loan, active });
      expect(new Set([...settled, ...last]).size).toBe(total);
      expect([...settled, ...last]).toHaveLength(total);
    }), { seed, numRuns: 500 });
  });
});

/** What is left because the last look fell in quiet hours. */
function outputsAtNoon(schedule: Schedule, now: number, { loan, active }: { loan: LoanSnapshot; active: ActivePolicy }): string[] {
  const noon = DateTime.fromMillis(now, { zone: loan.due.zone }).plus({ days: 1 }).set({ hour: 12 }).toUTC().toISO()!;
  return wake(schedule, noon, active).flatMap((output) => (output.kind === 'emit' || output.kind === 'ignore' ? [rungKey(output.rung)] : []));
}

function expectUseful(rung: Rung, at: string, { loan, active }: { loan: LoanSnapshot; active: ActivePolicy }): void {
  expect(rung.until === undefined || at < rung.until).toBe(true);
  const { quietHours } = active.policy;
  if (!quietHours) return;
  const time = DateTime.fromISO(at, { zone: loan.due.zone }).toFormat('HH:mm');
  const quiet = quietHours.from > quietHours.to ? time >= quietHours.from || time < quietHours.to : time >= quietHours.from && time < quietHours.to;
  expect(quiet).toBe(false);
}

describe('a change of policy', () => {
  const june = loanOf({ due: { date: '2026-06-19' } });
  it('leaves what was due before it, plans the rest anew, and is the same however it is come by', () => {
    const first = inForce();
    const second = inForce({ quietHours: { from: '20:00', to: '10:00' } }, 2, '2026-06-17T12:00:00.000Z');
    const through = planThrough({ loan: june, basis: LONG_AGO, policies: [first, second], zones: [] });
    expect(through).toEqual(underNewPolicy(scheduled(june, first), second));
    expect(through.rungs.slice(0, 3).map(({ type, at, policy }) => [type, at, policy])).toEqual([
      ['RAPPEL_J2', '2026-06-17T07:00:00.000Z', 1],
      ['RAPPEL_J1', '2026-06-18T08:00:00.000Z', 2],
      ['RAPPEL_FINAL', '2026-06-19T08:00:00.000Z', 2],
    ]);
    expect(nextAt(through)).toBe('2026-06-17T07:00:00.000Z');
  });
});
