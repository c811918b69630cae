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

/** A date and a time on the wall of a zone. */
export interface LocalMoment {
  readonly date: string;
  readonly time: string;
  readonly zone: string;
}

/** Minutes that the zone's clocks are ahead of UTC at `at` (milliseconds). Throws `RangeError` for an unknown zone. */
export function offsetAt(zone: string, at: number): number {
  const offset = IANAZone.create(zone).offset(at);
  if (Number.isNaN(offset)) throw new RangeError(`unknown zone or moment: ${zone} ${at}`);
  return offset;
}

// A day's loans share few due moments: asking Intl once for each keeps planning fast. Emptied when full, so it stays small.
const known = new Map<string, number>();
const MOST_KNOWN = 20_000;

/**
 * When that moment is, in milliseconds. The same whatever day it is asked on (luxon's own answer for a repeated hour
 * depends on the season of the asking): a repeated moment is its first pass, a skipped one is the jump itself.
 */
export function localInstant({ date, time, zone }: LocalMoment): number {
  const key = `${date}T${time}@${zone}`;
  let instant = known.get(key);
  if (instant === undefined) {
    instant = resolve(Date.parse(`${date}T${time}Z`), zone);
    if (known.size >= MOST_KNOWN) known.clear();
    known.set(key, instant);
  }
  return instant;
}

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** `wall` is the local moment read as if it were UTC. */
function resolve(wall: number, zone: string): number {
  if (Number.isNaN(wall)) throw new RangeError('not a date and time');
  const before = offsetAt(zone, wall - DAY);
  const after = offsetAt(zone, wall + DAY);
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
