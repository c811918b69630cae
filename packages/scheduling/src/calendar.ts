import { dayOf, localInstant, offsetAt } from '@rappel/lending';
import type { QuietHours, WorkCalendar } from './policy.ts';

const DAY = 86_400_000;

// The dates of a few years come again and again; writing them anew was dear.
const names = new Map<number, string>();
const MOST_DATES = 10_000;

function dayName(day: number): string {
  let date = names.get(day);
  if (date === undefined) {
    date = new Date(day * DAY).toISOString().slice(0, 10);
    if (names.size >= MOST_DATES) names.clear();
    names.set(day, date);
  }
  return date;
}

/** `YYYY-MM-DD` plus days; calendar arithmetic, so no night is shorter or longer. */
export const addDays = (date: string, days: number): string => dayName(dayOf(date) + days);

/** Whole calendar days from one date to another. */
export const daysBetween = (from: string, to: string): number => dayOf(to) - dayOf(from);

const clockTimes = Array.from({ length: 1440 }, (_, minute) => `${twoDigits(Math.floor(minute / 60))}:${twoDigits(minute % 60)}`);

function twoDigits(n: number): string {
  return n < 10 ? `0${n}` : `${n}`;
}

/** What the clocks of the zone show at an instant. */
export function wallClock(at: number, zone: string): { date: string; time: string } {
  const local = at + offsetAt(zone, at) * 60_000;
  const day = Math.floor(local / DAY);
  return { date: dayName(day), time: clockTimes[Math.floor((local - day * DAY) / 60_000)]! };
}

/** UTC ISO 8601 with milliseconds, as `toISOString` writes it. */
export function isoOf(at: number): string {
  const day = Math.floor(at / DAY);
  const ms = at - day * DAY;
  const minute = Math.floor(ms / 60_000);
  const rest = ms - minute * 60_000;
  const seconds = rest === 0 ? '00.000' : `${twoDigits(Math.floor(rest / 1000))}.${String(rest % 1000).padStart(3, '0')}`;
  return `${dayName(day)}T${clockTimes[minute]!}:${seconds}Z`;
}

/** When the local day after `date` begins. */
export const endOfDay = (date: string, zone: string): number => localInstant({ date: addDays(date, 1), time: '00:00', zone });

export function isOpen(calendar: WorkCalendar, date: string): boolean {
  if (calendar.closedWeekdays.length === 0 && calendar.closedDates.length === 0) return true;
  const weekday = ((dayOf(date) + 3) % 7) + 1;
  return !calendar.closedWeekdays.includes(weekday) && !calendar.closedDates.some((closed) => closed === date || closed === date.slice(5));
}

// A calendar without an open day in a year is a mistake; the date itself is then the best answer.
const FARTHEST = 366;

/** That day, or the last open one before it. */
export function lastOpenDay(calendar: WorkCalendar, date: string): string {
  for (let back = 0; back < FARTHEST; back++) {
    const candidate = addDays(date, -back);
    if (isOpen(calendar, candidate)) return candidate;
  }
  return date;
}

/** `days` open days before (negative) or after (positive) `date`. */
export function addOpenDays(calendar: WorkCalendar, date: string, days: number): string {
  const step = Math.sign(days);
  let candidate = date;
  for (let left = Math.abs(days), closed = 0; left > 0 && closed < FARTHEST; closed++) {
    candidate = addDays(candidate, step);
    if (!isOpen(calendar, candidate)) continue;
    left -= 1;
    closed = 0;
  }
  return candidate;
}

/** The end of the quiet hours that `at` falls in; `at` itself when it falls in none. */
export function afterQuiet(quiet: QuietHours | null, at: number, zone: string): number {
  if (!quiet) return at;
  const { date, time } = wallClock(at, zone);
  const overnight = quiet.from > quiet.to;
  const inside = overnight ? time >= quiet.from || time < quiet.to : time >= quiet.from && time < quiet.to;
  if (!inside) return at;
  return localInstant({ date: overnight && time >= quiet.from ? addDays(date, 1) : date, time: quiet.to, zone });
}
