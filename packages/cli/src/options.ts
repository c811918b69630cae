import { InvalidArgumentError } from 'commander';

/** A whole number from 1 to `most`. */
export const count = (most: number) => (text: string): number => {
  const n = Number(text);
  if (!/^\d{1,9}$/.test(text) || n < 1 || n > most) throw new InvalidArgumentError(`It is a whole number from 1 to ${most}.`);
  return n;
};

/** A moment with its zone, or a date (its midnight in UTC); as UTC, ISO 8601. */
export function instant(text: string): string {
  const at = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/.test(text) ? new Date(text) : undefined;
  if (!at || Number.isNaN(at.getTime())) throw new InvalidArgumentError('It is a moment with its zone, as 2026-11-01T08:00Z or 2026-11-01T09:00+01:00, or a date.');
  return at.toISOString();
}
