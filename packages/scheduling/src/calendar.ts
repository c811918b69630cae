import { localInstant, offsetAt } from '@rappel/lending';
import type { QuietHours, WorkCalendar } from './policy.ts';

const DAY = 86_400_000;

/** `YYYY-MM-DD` plus days; calendar arithmetic, so no night is shorter or longer. */
export const addDays = (date: string, days: number): string => new Date(Date.parse(`${date}T00:00Z`) + days * DAY).toISOString().slice(0, 10);

/** Whole calendar days from one date to another. */
export const daysBetween = (from: string, to: string): number => Math.round((Date.parse(`${to}T00:00Z`) - Date.parse(`${from}T00:00Z`)) / DAY);

/** What the clocks of the zone show at an instant. */
export function wallClock(at: number, zone: string): { date: string; time: string } {
  const local = new Date(at + offsetAt(zone, at) * 60_000).toISOString();
  return { date: local.slice(0, 10), time: local.slice(11, 16) };
}

/** When the local day after `date` begins. */
export const endOfDay = (date: string, zone: string): number => localInstant({ date: addDays(date, 1), time: '00:00', zone });

export function isOpen(calendar: WorkCalendar, date: string): boolean {
  const weekday = ((Math.floor(Date.parse(`${date}T00:00Z`) / DAY) + 3) % 7) + 1;
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
  for (let left = Math.abs(days), walked = 0; left > 0 && walked < FARTHEST; walked++) {
    candidate = addDays(candidate, step);
    if (isOpen(calendar, candidate)) left -= 1;
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
