import { describe, expect, it } from '@jest/globals';
import { inForce, loanOf } from '../test/scene.ts';
import { plan } from './plan.ts';

const LONG_AGO = '2000-01-01T00:00:00.000Z';
const planned = (loan = loanOf(), change = {}, zone?: string, basis = LONG_AGO) => plan({ loan, basis, active: inForce(change), ...(zone ? { zone } : {}) });
const moments = (...args: Parameters<typeof planned>) => planned(...args).map(({ type, n, at, skip }) => [type, n, at, ...(skip ? [skip] : [])]);

describe("RadGestMat's ladder", () => {
  it('reminds of a long loan two days and one day before at 09:00 and on the day at 08:00, then says four times that it is late', () => {
    expect(moments(loanOf({ due: { date: '2026-06-19' } }))).toEqual([
      ['RAPPEL_J2', 1, '2026-06-17T07:00:00.000Z'],
      ['RAPPEL_J1', 1, '2026-06-18T07:00:00.000Z'],
      ['RAPPEL_FINAL', 1, '2026-06-19T06:00:00.000Z'],
      ['RETARD', 1, '2026-06-19T16:15:00.000Z'],
      ['RETARD', 2, '2026-06-20T16:15:00.000Z'],
      ['RETARD', 3, '2026-06-22T16:15:00.000Z'],
      ['RETARD', 4, '2026-06-26T16:15:00.000Z'],
    ]);
  });

  it.each(['COURT', 'MOYEN'] as const)('reminds of a %s loan two hours before', (duration) => {
    expect(moments(loanOf({ duration, due: { date: '2026-06-19', time: '16:30' } })).slice(0, 2)).toEqual([
      ['RAPPEL_2H', 1, '2026-06-19T12:30:00.000Z'],
      ['RETARD', 1, '2026-06-19T14:45:00.000Z'],
    ]);
  });

  it('says until when each is of use, at which level and why', () => {
    const [j2, , final, late] = planned(loanOf({ due: { date: '2026-06-19' } }));
    expect(j2).toMatchObject({ until: '2026-06-17T22:00:00.000Z', policy: 1, why: '2 days before at 09:00 (Europe/Paris)' });
    expect(final).toMatchObject({ until: '2026-06-19T16:00:00.000Z', why: 'on the day at 08:00 (Europe/Paris)' });
    expect(late).toMatchObject({ level: 1, why: '15 min after the deadline' });
    expect(late).not.toHaveProperty('until');
  });
});

describe('what a fuzzer found', () => {
  it.each(['constructor', 'toString', 'hasOwnProperty'])('a department may be called %s', (department) => {
    expect(moments(loanOf({ department }))).toEqual(moments(loanOf()));
  });

  it('a part of an hour is cut at the millisecond', () => {
    const ladder = { reminders: [{ type: 'RAPPEL_2H' as const, when: { hoursBefore: 1 / 7 + 1e-9 }, closedDays: 'before' as const, usefulUntil: 'end-of-day' as const }], overdue: null };
    const [rung] = planned(loanOf({ duration: 'COURT', due: { date: '2026-06-19', time: '16:30' } }), { ladders: { COURT: ladder, MOYEN: ladder, LONG: ladder } });
    expect(rung!.at).toBe('2026-06-19T14:21:25.714Z');
    expect(new Date(rung!.at).toISOString()).toBe(rung!.at);
  });
});

describe('the nights when the clocks change', () => {
  it('keeps 09:00 on the wall across the spring night of 29 March 2026', () => {
    expect(moments(loanOf({ due: { date: '2026-03-30' } })).slice(0, 4)).toEqual([
      ['RAPPEL_J2', 1, '2026-03-28T08:00:00.000Z'],
      ['RAPPEL_J1', 1, '2026-03-29T07:00:00.000Z'],
      ['RAPPEL_FINAL', 1, '2026-03-30T06:00:00.000Z'],
      ['RETARD', 1, '2026-03-30T16:15:00.000Z'],
    ]);
  });

  it('keeps 09:00 on the wall across the autumn night of 25 October 2026, each once', () => {
    expect(moments(loanOf({ due: { date: '2026-10-26' } })).slice(0, 4)).toEqual([
      ['RAPPEL_J2', 1, '2026-10-24T07:00:00.000Z'],
      ['RAPPEL_J1', 1, '2026-10-25T08:00:00.000Z'],
      ['RAPPEL_FINAL', 1, '2026-10-26T07:00:00.000Z'],
      ['RETARD', 1, '2026-10-26T17:15:00.000Z'],
    ]);
  });

  it('counts two real hours back from a deadline after the skipped hour', () => {
    expect(moments(loanOf({ duration: 'COURT', due: { date: '2026-03-29', time: '04:00' } }))[0]).toEqual(['RAPPEL_2H', 1, '2026-03-29T00:00:00.000Z']);
  });

  it('takes a rung in the skipped hour at the jump and one in the repeated hour at its first pass', () => {
    const at = (time: string) => ({ ladders: { ...inForce().policy.ladders, LONG: { reminders: [{ type: 'RAPPEL_J1' as const, when: { daysBefore: 1, at: time } }], overdue: null } } });
    expect(moments(loanOf({ due: { date: '2026-03-30' } }), at('02:30'))).toEqual([['RAPPEL_J1', 1, '2026-03-29T01:00:00.000Z']]);
    expect(moments(loanOf({ due: { date: '2026-10-26' } }), at('02:30'))).toEqual([['RAPPEL_J1', 1, '2026-10-25T00:30:00.000Z']]);
  });
});

describe('odd days and places', () => {
  it('reminds on 29 February of a leap year and on 28 February of another', () => {
    expect(moments(loanOf({ due: { date: '2028-03-01' } }))[1]).toEqual(['RAPPEL_J1', 1, '2028-02-29T08:00:00.000Z']);
    expect(moments(loanOf({ due: { date: '2100-03-01' } }))[1]).toEqual(['RAPPEL_J1', 1, '2100-02-28T08:00:00.000Z']);
    expect(moments(loanOf({ due: { date: '2028-02-29' } }))[2]).toEqual(['RAPPEL_FINAL', 1, '2028-02-29T07:00:00.000Z']);
  });

  it.each([
    ['Asia/Kathmandu', '2026-06-18T03:15:00.000Z'],
    ['Australia/Lord_Howe', '2026-06-17T22:30:00.000Z'],
    ['Pacific/Chatham', '2026-06-17T20:15:00.000Z'],
    ['America/St_Johns', '2026-06-18T11:30:00.000Z'],
    ['Pacific/Kiritimati', '2026-06-17T19:00:00.000Z'],
  ])('knows the offset of %s', (zone, at) => {
    expect(moments(loanOf({ due: { date: '2026-06-19', zone } }))[1]).toEqual(['RAPPEL_J1', 1, at]);
  });

  it("counts days and hours where the borrower lives, from the deadline's date there", () => {
    const loan = loanOf({ due: { date: '2026-06-19', time: '02:00', zone: 'Europe/Paris' } });
    expect(moments(loan, {}, 'America/New_York').slice(0, 3)).toEqual([
      ['RAPPEL_J2', 1, '2026-06-16T13:00:00.000Z'],
      ['RAPPEL_J1', 1, '2026-06-17T13:00:00.000Z'],
      ['RAPPEL_FINAL', 1, '2026-06-18T12:00:00.000Z'],
    ]);
  });

  it("takes the department's zone for a borrower without one", () => {
    const loan = loanOf({ department: 'noumea', due: { date: '2026-06-19', zone: 'UTC' } });
    expect(moments(loan, { calendars: { noumea: { zone: 'Pacific/Noumea' } } })[1]).toEqual(['RAPPEL_J1', 1, '2026-06-18T22:00:00.000Z']);
  });
});

describe('what is not sent', () => {
  it('skips what was past when the loan was made, and sends what is still to come', () => {
    expect(moments(loanOf({ due: { date: '2026-06-19' } }), {}, undefined, '2026-06-18T12:00:00.000Z').slice(0, 4)).toEqual([
      ['RAPPEL_J2', 1, '2026-06-17T07:00:00.000Z', 'already-past'],
      ['RAPPEL_J1', 1, '2026-06-18T07:00:00.000Z', 'already-past'],
      ['RAPPEL_FINAL', 1, '2026-06-19T06:00:00.000Z'],
      ['RETARD', 1, '2026-06-19T16:15:00.000Z'],
    ]);
  });

  it('skips the morning reminder of something due before that morning', () => {
    expect(moments(loanOf({ due: { date: '2026-06-19', time: '07:30' } }))[2]).toEqual(['RAPPEL_FINAL', 1, '2026-06-19T06:00:00.000Z', 'too-late']);
  });

  it('puts quiet hours off to their end, and skips what would then be too late', () => {
    const quiet = { quietHours: { from: '21:00', to: '07:30' } };
    expect(moments(loanOf({ duration: 'COURT', due: { date: '2026-06-19', time: '09:00' } }), quiet)[0]).toEqual(['RAPPEL_2H', 1, '2026-06-19T05:30:00.000Z']);
    expect(moments(loanOf({ duration: 'COURT', due: { date: '2026-06-19', time: '07:00' } }), quiet)[0]).toEqual(['RAPPEL_2H', 1, '2026-06-19T05:30:00.000Z', 'quiet-hours']);
    expect(moments(loanOf({ duration: 'COURT', due: { date: '2026-06-19', time: '22:00' } }), quiet)[1]).toEqual(['RETARD', 1, '2026-06-20T05:30:00.000Z']);
  });
});

describe('closed days', () => {
  const weekend = { calendars: { default: { closedWeekdays: [6, 7], closedDates: ['05-01'] } } };

  it('moves a reminder to the last open day before, and sends the later one of two that meet there', () => {
    // Monday 22 June 2026: two days before is a Saturday, one day before a Sunday.
    expect(moments(loanOf({ due: { date: '2026-06-22' } }), weekend).slice(0, 3)).toEqual([
      ['RAPPEL_J2', 1, '2026-06-19T07:00:00.000Z', 'overtaken'],
      ['RAPPEL_J1', 1, '2026-06-19T07:00:00.000Z'],
      ['RAPPEL_FINAL', 1, '2026-06-22T06:00:00.000Z'],
    ]);
  });

  it('lets a reminder on its own day go before those that are moved there', () => {
    // Sunday 21 June: two days before is an open Friday, the others would say "tomorrow" and "today" on it.
    expect(moments(loanOf({ due: { date: '2026-06-21' } }), weekend).slice(0, 3)).toEqual([
      ['RAPPEL_J2', 1, '2026-06-19T07:00:00.000Z'],
      ['RAPPEL_J1', 1, '2026-06-19T07:00:00.000Z', 'overtaken'],
      ['RAPPEL_FINAL', 1, '2026-06-19T06:00:00.000Z', 'overtaken'],
    ]);
  });

  it('counts open days over years of closed ones, and refuses days that no year has', () => {
    const LONG = { reminders: [{ type: 'RAPPEL_J2' as const, when: { daysBefore: 300, at: '09:00', count: 'open' as const } }], overdue: { repeatAfterDays: [1500], count: 'open' as const } };
    expect(moments(loanOf({ due: { date: '2026-06-19' } }), { ...weekend, ladders: { ...inForce().policy.ladders, LONG } }).map(([, , at]) => at)).toEqual([
      '2025-04-23T07:00:00.000Z', '2026-06-19T16:15:00.000Z', '2032-03-25T17:15:00.000Z',
    ]);
    expect(() => inForce({ calendars: { default: { closedDates: ['02-29'] } } })).not.toThrow();
    expect(() => inForce({ calendars: { default: { closedDates: ['02-30'] } } })).toThrow('no such day of the year');
  });

  it('takes a fraction of an hour to the millisecond', () => {
    const LONG = { reminders: [{ type: 'RAPPEL_J2' as const, when: { hoursBefore: 1 / 3 } }], overdue: null };
    expect(moments(loanOf({ due: { date: '2026-06-19' } }), { ladders: { ...inForce().policy.ladders, LONG } })).toEqual([['RAPPEL_J2', 1, '2026-06-19T15:40:00.000Z']]);
  });

  it('knows a yearly closed date, and sends all the same when told so', () => {
    const may = loanOf({ due: { date: '2029-05-03' } });
    expect(moments(may, weekend)[0]).toEqual(['RAPPEL_J2', 1, '2029-04-30T07:00:00.000Z']);
    const { LONG } = inForce().policy.ladders;
    const send = { ...weekend, ladders: { ...inForce().policy.ladders, LONG: { ...LONG, reminders: LONG.reminders.map((rung) => ({ ...rung, closedDays: 'send' as const })) } } };
    expect(moments(may, send)[0]).toEqual(['RAPPEL_J2', 1, '2029-05-01T07:00:00.000Z']);
  });

  it('counts open days before the deadline and after it', () => {
    const open = { ...weekend, ladders: { ...inForce().policy.ladders, LONG: { reminders: [{ type: 'RAPPEL_J2' as const, when: { daysBefore: 2, at: '09:00', count: 'open' as const } }], overdue: { repeatAfterDays: [1, 3], count: 'open' as const } } } };
    // Due Friday 19 June: two open days before is Wednesday; one open day after is Monday, three Wednesday.
    expect(moments(loanOf({ due: { date: '2026-06-19' } }), open)).toEqual([
      ['RAPPEL_J2', 1, '2026-06-17T07:00:00.000Z'],
      ['RETARD', 1, '2026-06-19T16:15:00.000Z'],
      ['RETARD', 2, '2026-06-22T16:15:00.000Z'],
      ['RETARD', 3, '2026-06-24T16:15:00.000Z'],
    ]);
  });
});

describe('overrides', () => {
  const vans = { department: 'garage', category: 'vans', ladders: { LONG: { reminders: [], overdue: null } } };
  it('replaces a ladder for a department and category, and only there', () => {
    expect(moments(loanOf({ department: 'garage', category: 'vans' }), { overrides: [vans] })).toEqual([]);
    expect(moments(loanOf({ department: 'garage', category: 'bikes' }), { overrides: [vans] })).toHaveLength(7);
  });
});
