import type { Due } from '@rappel/contracts';
import { IANAZone } from 'luxon';

/** Desk's closing hour, the deadline of a loan whose due moment has no time. */
export const DEFAULT_CLOSING = '18:00';

/**
 * The due moment as a UTC instant. A local time that a spring night skips becomes the moment the clocks jump forward;
 * one that an autumn night repeats is its first pass.
 */
export function dueInstant(due: Due, closing: string = DEFAULT_CLOSING): string {
  return new Date(localInstant({ date: due.date, time: due.time ?? closing, zone: due.zone })).toISOString();
}

/** What holds for due moments that leave something out. */
export interface DueRules {
  /** Deadline of a due moment without a time, `HH:mm`. */
  readonly closing: string;
  /** Zone of a due moment that names none, for a borrower who has none. */
  readonly zoneOf: (department: string | undefined) => string;
}

/** A new loan's due moment with its zone (its own, else the borrower's, else the department's), and as an instant. */
export function resolveDue(given: Omit<Due, 'zone'> & { readonly zone?: string }, { zone, department }: { zone?: string; department?: string }, rules: DueRules): { due: Due; dueAt: string } {
  const due: Due = Object.assign({}, given, { zone: given.zone ?? zone ?? rules.zoneOf(department) });
  return { due, dueAt: dueInstant(due, rules.closing) };
}

/** A date and a time on the wall of a zone. */
export interface LocalMoment {
  readonly date: string;
  readonly time: string;
  readonly zone: string;
}

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

// Asking Intl is dear, and on nearly every day a zone keeps its offset: known per zone and UTC day, NaN on days of change.
const known = new Map<string, Map<number, number>>();
const MOST_DAYS = 2000;

/** Minutes that the zone's clocks are ahead of UTC at `at` (milliseconds). Throws `RangeError` for an unknown zone. */
export function offsetAt(zone: string, at: number): number {
  let days = known.get(zone);
  if (!days) known.set(zone, days = new Map());
  const day = Math.floor(at / DAY);
  let offset = days.get(day);
  if (offset === undefined) {
    const [first, last] = [ask(zone, day * DAY), ask(zone, (day + 1) * DAY - 1)];
    offset = first === last ? first : Number.NaN;
    if (days.size >= MOST_DAYS) days.clear();
    days.set(day, offset);
  }
  return Number.isNaN(offset) ? ask(zone, at) : offset;
}

function ask(zone: string, at: number): number {
  const offset = IANAZone.create(zone).offset(at);
  if (Number.isNaN(offset)) throw new RangeError(`unknown zone or moment: ${zone} ${at}`);
  return offset;
}

/** `read`, remembered for the texts that come again and again: Date's own reading of them was most of a plan's cost. */
function remembering(read: (text: string) => number): (text: string) => number {
  const numbers = new Map<string, number>();
  return (text) => {
    let number = numbers.get(text);
    if (number === undefined) {
      number = read(text);
      if (numbers.size >= MOST_TEXTS) numbers.clear();
      numbers.set(text, number);
    }
    return number;
  };
}
const MOST_TEXTS = 10_000;

/** Days from 1970-01-01 to `YYYY-MM-DD`; NaN for anything else. */
export const dayOf = remembering((date) => Date.parse(`${date}T00:00Z`) / DAY);
const timeOfDay = remembering((time) => Date.parse(`1970-01-01T${time}Z`));

/**
 * When that moment is, in milliseconds. The same whatever day it is asked on (luxon's own answer for a repeated hour
 * depends on the season of the asking): a repeated moment is its first pass, a skipped one is the jump itself.
 */
export function localInstant({ date, time, zone }: LocalMoment): number {
  const wall = dayOf(date) * DAY + timeOfDay(time);
  if (Number.isNaN(wall)) throw new RangeError(`not a date and time: ${date} ${time}`);
  const before = offsetAt(zone, wall - DAY);
  const after = offsetAt(zone, wall + DAY);
  if (before === after) return wall - before * MINUTE;
  const passes = [wall - before * MINUTE, wall - after * MINUTE].filter((at) => at + offsetAt(zone, at) * MINUTE === wall);
  return passes.length > 0 ? Math.min(...passes) : jump({ zone, from: wall - after * MINUTE, to: wall - before * MINUTE });
}

/** The first second in (from, to] whose offset is not `from`'s. */
function jump({ zone, from, to }: { zone: string; from: number; to: number }): number {
  const before = offsetAt(zone, from);
  let [low, high] = [from, to];
  while (high - low > 1000) {
    const middle = Math.floor((low + high) / 2000) * 1000;
    if (offsetAt(zone, middle) === before) low = middle; else high = middle;
  }
  return high;
}
