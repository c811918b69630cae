import type { Due } from '@rappel/contracts';
import { DateTime } from 'luxon';

/** Desk's closing hour, the deadline of a loan whose due moment has no time. */
export const DEFAULT_CLOSING = '18:00';

/**
 * The due moment as a UTC instant. A local time that a spring night skips becomes the moment the clocks jump forward to;
 * one that an autumn night repeats is its first pass.
 */
export function dueInstant(due: Due, closing: string = DEFAULT_CLOSING): string {
  const local = DateTime.fromISO(`${due.date}T${due.time ?? closing}`, { zone: due.zone });
  if (!local.isValid) throw new RangeError(`not a moment: ${due.date} ${due.time ?? closing} ${due.zone}: ${local.invalidExplanation}`);
  return local.toUTC().toISO()!;
}
