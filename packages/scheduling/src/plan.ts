import type { LoanSnapshot } from '@rappel/contracts';
import { localInstant } from '@rappel/lending';
import { addDays, addOpenDays, afterQuiet, endOfDay, isoOf, lastOpenDay, wallClock } from './calendar.ts';
import { calendarOf, ladderOf, type ActivePolicy, type Ladder, type Policy, type WorkCalendar } from './policy.ts';
import type { Rung, SkipReason } from './rung.ts';

/** A rung with the reasoning that led to it, for people. */
export interface ExplainedRung extends Rung {
  readonly why: string;
}

export interface PlanInput {
  readonly loan: LoanSnapshot;
  /** The borrower's own zone. */
  readonly zone?: string;
  /** Business time from which it is planned: rungs before it are not sent any more. */
  readonly basis: string;
  readonly active: ActivePolicy;
}

/** Everything that a loan will send, in the ladder's order. Pure: the same input gives the same schedule on any machine and day. */
export const plan = (input: PlanInput): ExplainedRung[] => draftsOf(input, true).map(({ rung, why }) => ({ ...rung, why }));

interface Known { readonly rungs: readonly Rung[]; readonly first: number }

// Loans that are due at the same moment have the same rungs, as long as none is past: of many loans, most need no working out.
const worked = new WeakMap<Policy, Map<string, Known>>();
const MOST_KNOWN = 10_000;

/** The same without the reasoning, which is for people and is not stored. */
export function plannedRungs(input: PlanInput): readonly Rung[] {
  const { loan: { due, dueAt, duration, department, category }, zone, basis, active: { policy, version } } = input;
  const known = worked.get(policy) ?? new Map<string, Known>();
  const key = [version, zone, dueAt, due.date, due.zone, duration, department, category].join('\n');
  const found = known.get(key);
  const from = Date.parse(basis);
  if (found && from < found.first) return found.rungs;
  const rungs = draftsOf(input, false).map(({ rung }) => rung);
  const first = Math.min(...rungs.map(({ at }) => Date.parse(at)));
  if (from < first) {
    if (known.size >= MOST_KNOWN) known.clear();
    worked.set(policy, known.set(key, { rungs, first }));
  }
  return rungs;
}

function draftsOf(input: PlanInput, inWords: boolean): Draft[] {
  const ladder = ladderOf(input.active.policy, input.loan);
  const scene = { ...sceneOf(input), inWords };
  const reminders = settleOrder(scene, remindersOf(ladder, scene));
  return ladder.overdue ? [...reminders, ...overdueOf(ladder.overdue, scene)] : reminders;
}

/** The zone in which a borrower lives their days. */
export const livingZone = (policy: Policy, loan: LoanSnapshot, zone?: string): string => zone ?? calendarOf(policy, loan).zone ?? loan.due.zone;

interface Scene {
  readonly policy: Policy;
  readonly version: number;
  readonly calendar: WorkCalendar;
  readonly zone: string;
  readonly dueAt: number;
  /** The deadline's date where the borrower is. */
  readonly dueDate: string;
  readonly basis: number;
  /** Whether anybody reads the reasons: a million plans are stored without them. */
  readonly inWords: boolean;
}

function sceneOf({ loan, zone, basis, active: { policy, version } }: PlanInput): Omit<Scene, 'inWords'> {
  const living = livingZone(policy, loan, zone);
  const dueAt = Date.parse(loan.dueAt);
  return {
    policy, version, dueAt, zone: living, calendar: calendarOf(policy, loan), basis: Date.parse(basis),
    dueDate: living === loan.due.zone ? loan.due.date : wallClock(dueAt, living).date,
  };
}

/** A rung on its way: `nominal` is where the ladder puts it before closed days and quiet hours, and orders it. */
interface Draft {
  readonly rung: Rung;
  readonly why: string;
  readonly nominal: number;
  /** The day it is told on, for those counted in days; `moved` away from a closed one. */
  readonly day?: string;
  readonly moved?: boolean;
  readonly usefulUntil: 'end-of-day' | 'next-rung';
}
type LadderRung = Ladder['reminders'][number];

function remindersOf(ladder: Ladder, scene: Scene): Draft[] {
  const seen = new Map<string, number>();
  return ladder.reminders.map((rung) => {
    const aim = aimOf(rung, scene);
    const at = afterQuiet(scene.policy.quietHours, aim.at, scene.zone);
    const why = at === aim.at ? aim.why : `${aim.why}, put off to the end of the quiet hours`;
    const skip = reasonToSkip({ aimed: aim.at, at, until: aim.until }, scene);
    const n = (seen.get(rung.type) ?? 0) + 1;
    seen.set(rung.type, n);
    const planned: Rung = {
      type: rung.type, n, at: isoOf(at), until: isoOf(aim.until), policy: scene.version,
      ...(rung.channels ? { channels: rung.channels } : {}), ...(skip ? { skip } : {}),
    };
    const { nominal, day, moved } = aim;
    return { rung: planned, why, nominal, ...(day ? { day, moved: moved ?? false } : {}), usefulUntil: rung.usefulUntil };
  });
}

interface Aim { nominal: number; day?: string; moved?: boolean; at: number; until: number; why: string }

/** Where a rung aims before quiet hours (`nominal`: before closed days too), and until when it is of use. */
function aimOf({ when, closedDays, usefulUntil }: LadderRung, { calendar, zone, dueAt, dueDate, inWords }: Scene): Aim {
  if ('hoursBefore' in when) {
    const at = dueAt - Math.round(when.hoursBefore * 3_600_000);
    return { nominal: at, at, until: dueAt, why: `${Number(when.hoursBefore.toFixed(2))} h before the deadline` };
  }
  const day = when.count === 'open' ? addOpenDays(calendar, dueDate, -when.daysBefore) : addDays(dueDate, -when.daysBefore);
  const open = closedDays === 'before' ? lastOpenDay(calendar, day) : day;
  const nominal = localInstant({ date: day, time: when.at, zone });
  return {
    nominal, day: open, moved: open !== day,
    at: open === day ? nominal : localInstant({ date: open, time: when.at, zone }),
    until: usefulUntil === 'next-rung' ? dueAt : Math.min(endOfDay(day, zone), dueAt),
    why: inWords ? `${daysInWords(when)} at ${when.at} (${zone})${open === day ? '' : `, moved from ${day}, a closed day`}` : '',
  };
}

function daysInWords({ daysBefore, count }: { daysBefore: number; count: 'calendar' | 'open' }): string {
  return daysBefore === 0 ? 'on the day' : `${daysBefore}${count === 'open' ? ' open' : ''} day${daysBefore > 1 ? 's' : ''} before`;
}

function reasonToSkip({ aimed, at, until }: { aimed: number; at: number; until: number }, { basis }: Scene): SkipReason | undefined {
  if (aimed >= until) return 'too-late';
  if (at >= until) return 'quiet-hours';
  return at < basis ? 'already-past' : undefined;
}

/** Where a moved reminder meets one whose own day it is, that one is told: "in two days" is then true, "today" is not. */
function yieldToRightful(drafts: Draft[]): Draft[] {
  return drafts.map((draft) => {
    const { rung, why, day, moved } = draft;
    const rightful = moved && !rung.skip && drafts.find((other) => !other.moved && other.day === day && !other.rung.skip);
    return rightful ? { ...draft, rung: { ...rung, skip: 'overtaken' }, why: `${why}, but it is the day of ${rightful.rung.type}` } : draft;
  });
}

/** In order of time; of two that came to fall together only the later rung is sent, and one ends where the next begins if it says so. */
function settleOrder({ basis }: Scene, drafts: Draft[]): Draft[] {
  const ordered = yieldToRightful(drafts).toSorted((a, b) => a.nominal - b.nominal);
  return ordered.map((draft, i) => {
    const { rung, why } = draft;
    if (rung.skip) return draft;
    const next = ordered.find(({ rung: { skip } }, later) => later > i && (skip === undefined || skip === 'already-past'))?.rung;
    if (!next) return draft;
    if (next.at <= rung.at) return { ...draft, rung: { ...rung, skip: 'overtaken' }, why: `${why}, but ${next.type} falls at the same time` };
    const ends = draft.usefulUntil === 'next-rung' && Date.parse(next.at) > basis && next.at < rung.until!;
    return ends ? { ...draft, rung: { ...rung, until: next.at } } : draft;
  });
}

function overdueOf({ graceMinutes, repeatAfterDays, count }: NonNullable<Ladder['overdue']>, { policy, version, calendar, zone, dueAt }: Scene): Draft[] {
  const first = dueAt + graceMinutes * 60_000;
  const { date, time } = wallClock(first, zone);
  return [0, ...repeatAfterDays].map((days, i) => {
    const day = count === 'open' ? addOpenDays(calendar, date, days) : addDays(date, days);
    const aimed = days === 0 ? first : localInstant({ date: day, time, zone });
    const at = afterQuiet(policy.quietHours, aimed, zone);
    const counted = `${days}${count === 'open' ? ' open' : ''} day${days > 1 ? 's' : ''} after the first notice`;
    const base = days === 0 ? `${graceMinutes} min after the deadline` : counted;
    return {
      rung: { type: 'RETARD', n: i + 1, level: i + 1, at: isoOf(at), policy: version },
      why: at === aimed ? base : `${base}, put off to the end of the quiet hours`, nominal: aimed, usefulUntil: 'next-rung',
    };
  });
}
