import { InvalidArgumentError } from 'commander';

/** A whole number from 1 to `most`. */
export const count = (most: number) => (text: string): number => {
  const n = Number(text);
  if (!/^\d{1,9}$/.test(text) || n < 1 || n > most) throw new InvalidArgumentError(`It is a whole number from 1 to ${most}.`);
  return n;
};

/** A moment with its zone, or a date (its midnight in UTC); as UTC, ISO 8601. */
export function instant(text: string): string {
  const at = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/.test(text) && exists(text.slice(0, 10)) ? new Date(text) : undefined;
  if (!at || Number.isNaN(at.getTime())) throw new InvalidArgumentError('It is a moment with its zone, as 2026-11-01T08:00Z or 2026-11-01T09:00+01:00, or a date.');
  return at.toISOString();
}

/** `Date` alone takes 30 February for 2 March. */
function exists(date: string): boolean {
  const day = new Date(`${date}T00:00Z`);
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(date);
}

/** When an item is to be back, on the clocks of the place; its zone is an option of its own. */
export interface LocalDue {
  readonly date: string;
  readonly time?: string;
}

/** A local date with or without a time. What else stands there (an offset, seconds) is refused: left out, it would be another moment. */
export function due(text: string): LocalDue {
  const [, date, time] = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d))?$/.exec(text) ?? [];
  if (!date) throw new InvalidArgumentError('It is a local date, with or without a time: 2026-03-28 or 2026-03-28T18:00. Its zone goes to --zone.');
  return { date, ...(time && { time }) };
}
