import { Channel, durations, Id, LocalDate, LocalTime, ReminderType, Zone, type LoanDuration, type LoanSnapshot } from '@rappel/contracts';
import { z } from 'zod';

/** How days are counted: every day, or only those on which the department is open. */
const Counted = z.enum(['calendar', 'open']);

/** When a rung falls: so long before the deadline, or so many days before it at a local time. */
const When = z.union([
  z.strictObject({ hoursBefore: z.number().positive().max(8784) }),
  z.strictObject({ daysBefore: z.int().min(0).max(366), at: LocalTime, count: Counted.default('calendar') }),
]);

const Rung = z.strictObject({
  type: ReminderType,
  when: When,
  /** Only these channels; absent = whatever the borrower prefers. */
  channels: z.array(Channel).min(1).optional(),
  /** What happens on a closed day: the last open day before it, or sent all the same. Only for rungs counted in days. */
  closedDays: z.enum(['before', 'send']).default('before'),
  /** Until when a late one is still worth sending: its own day ("tomorrow" is only true today), or the next rung. The deadline ends it in any case. */
  usefulUntil: z.enum(['end-of-day', 'next-rung']).default('end-of-day'),
});

const Overdue = z.strictObject({
  /** Minutes after the deadline before an item is called late. */
  graceMinutes: z.int().min(0).max(525_600).default(15),
  /** Days after the first notice on which it is repeated, at the same local time; the list's length is the limit. */
  repeatAfterDays: z.array(z.int().min(1).max(3660)).max(30).default([1, 3, 7]).refine(ascending, 'each later than the one before'),
  count: Counted.default('calendar'),
});

const Ladder = z.strictObject({
  reminders: z.array(Rung).max(20),
  /** Null = never told that it is late. */
  overdue: Overdue.nullable(),
});
export type Ladder = z.infer<typeof Ladder>;

const Quiet = z.strictObject({ from: LocalTime, to: LocalTime }).refine(({ from, to }) => from !== to, 'from and to are the same');
export type QuietHours = z.infer<typeof Quiet>;

/** In some year: 2000 was a leap year. */
const YearlyDate = z.string().regex(/^\d\d-\d\d$/).refine((date) => LocalDate.safeParse(`2000-${date}`).success, 'no such day of the year');

const WorkCalendar = z.strictObject({
  /** For borrowers without a zone of their own; absent = the due moment's. */
  zone: Zone.optional(),
  /** ISO weekdays, 1 = Monday. */
  closedWeekdays: z.array(z.int().min(1).max(7)).max(6).default([]),
  /** `YYYY-MM-DD`, or `MM-DD` for every year. */
  closedDates: z.array(z.union([LocalDate, YearlyDate])).max(2000).default([]),
});
export type WorkCalendar = z.infer<typeof WorkCalendar>;

const Grouping = z.strictObject({
  /** Which kinds go out as one message per borrower; empty = off. */
  types: z.array(z.enum([...ReminderType.options, 'RETARD'])).default(['RAPPEL_J2', 'RAPPEL_J1', 'RAPPEL_FINAL', 'RETARD']),
  /** How far apart they may be planned, in minutes; those later in the window come that much early. */
  windowMinutes: z.int().min(0).max(24 * 60).default(15),
});

/** What is sent when. The first override that fits a loan replaces whole ladders. */
export const Policy = z.strictObject({
  ladders: z.strictObject({ COURT: Ladder, MOYEN: Ladder, LONG: Ladder }),
  overrides: z.array(z.strictObject({
    department: Id.optional(),
    category: Id.optional(),
    ladders: z.strictObject({ COURT: Ladder, MOYEN: Ladder, LONG: Ladder }).partial(),
  }).refine(({ department, category }) => department ?? category, 'names neither a department nor a category')).max(500).default([]),
  /** In the borrower's zone. What falls inside waits for their end, or is skipped when that is too late. Null = none. */
  quietHours: Quiet.nullable().default(null),
  grouping: Grouping.prefault({}),
  /** Per department; `default` is for all others. */
  calendars: z.record(Id, WorkCalendar).default({}),
});
export type Policy = z.infer<typeof Policy>;

/** A policy in force from `at` on, counted from 1. */
export interface ActivePolicy {
  readonly version: number;
  /** UTC ISO, business time. */
  readonly at: string;
  readonly policy: Policy;
}

/** RadGestMat's ladder: two hours before for short loans; two days, one day and the morning before for long ones. */
export const defaultPolicy: Policy = Policy.parse({
  ladders: {
    COURT: { reminders: [{ type: 'RAPPEL_2H', when: { hoursBefore: 2 } }], overdue: {} },
    MOYEN: { reminders: [{ type: 'RAPPEL_2H', when: { hoursBefore: 2 } }], overdue: {} },
    LONG: {
      reminders: [
        { type: 'RAPPEL_J2', when: { daysBefore: 2, at: '09:00' } },
        { type: 'RAPPEL_J1', when: { daysBefore: 1, at: '09:00' } },
        { type: 'RAPPEL_FINAL', when: { daysBefore: 0, at: '08:00' } },
      ],
      overdue: {},
    },
  },
});

const alwaysOpen: WorkCalendar = WorkCalendar.parse({});

export const calendarOf = (policy: Policy, loan: Pick<LoanSnapshot, 'department'>): WorkCalendar =>
  // Own keys only: a department may be called `constructor`.
  (loan.department !== undefined && Object.hasOwn(policy.calendars, loan.department) ? policy.calendars[loan.department] : undefined) ?? policy.calendars.default ?? alwaysOpen;

export function ladderOf(policy: Policy, loan: Pick<LoanSnapshot, 'department' | 'category' | 'duration'>): Ladder {
  const override = policy.overrides.find(({ department, category, ladders }) =>
    (department === undefined || department === loan.department) && (category === undefined || category === loan.category) && ladders[loan.duration]);
  return override?.ladders[loan.duration] ?? policy.ladders[loan.duration];
}

/** Durations in the order of the contracts, for tables. */
export const ladderNames: readonly LoanDuration[] = durations;

function ascending(days: readonly number[]): boolean {
  return days.every((day, i) => i === 0 || day > days[i - 1]!);
}
