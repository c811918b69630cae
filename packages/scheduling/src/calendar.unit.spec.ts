import { describe, expect, it } from '@jest/globals';
import { localInstant } from '@rappel/lending';
import fc from 'fast-check';
import { DateTime } from 'luxon';
import { seedOf } from '../test/seed.ts';
import { addDays, afterQuiet, daysBetween, endOfDay, isoOf, wallClock } from './calendar.ts';

const seed = seedOf('calendar');
const zones = Intl.supportedValuesOf('timeZone');
const CENTURY = [Date.UTC(2000, 0, 3), Date.UTC(2100, 11, 28)] as const;
const anyDate = fc.integer({ min: CENTURY[0] / 86_400_000, max: CENTURY[1] / 86_400_000 }).map((day) => new Date(day * 86_400_000).toISOString().slice(0, 10));
const anyTime = fc.integer({ min: 0, max: 1439 }).map((minute) => `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`);
const anyZone = fc.constantFrom(...zones);
const wallAt = (ms: number, zone: string): string => DateTime.fromMillis(ms, { zone }).toFormat("yyyy-MM-dd'T'HH:mm");

/** Every moment near it whose wall clock shows that time, by trying each offset that luxon knows around it. */
function passesOf(date: string, time: string, zone: string): number[] {
  const wall = Date.parse(`${date}T${time}Z`);
  const offsets = new Set([-36, -12, -3, 0, 3, 12, 36].map((h) => DateTime.fromMillis(wall + h * 3_600_000, { zone }).offset));
  return [...offsets].map((offset) => wall - offset * 60_000).filter((ms) => wallAt(ms, zone) === `${date}T${time}`).toSorted((a, b) => a - b);
}

function expectRight(date: string, time: string, zone: string): void {
  const at = localInstant({ date, time, zone });
  const [first] = passesOf(date, time, zone);
  if (first !== undefined) {
    expect([zone, date, time, at]).toEqual([zone, date, time, first]);
  } else {
    // The night skips it: the jump is where the wall passes from before it to after it.
    expect(wallAt(at - 1, zone) < `${date}T${time}`).toBe(true);
    expect(wallAt(at, zone) > `${date}T${time}`).toBe(true);
  }
}

describe('a local time as an instant, against luxon', () => {
  it.each(zones)('in %s over a hundred years', (zone) => {
    fc.assert(fc.property(anyDate, anyTime, (date, time) => expectRight(date, time, zone)), { seed, numRuns: 12 });
  });

  it('in the hours around every change of the clocks of a year', () => {
    fc.assert(fc.property(fc.integer({ min: 2000, max: 2100 }), anyZone, anyTime, (year, zone, time) => {
      for (const date of daysOfChange(year, zone)) for (const day of [-1, 0, 1]) expectRight(addDays(date, day), time, zone);
    }), { seed, numRuns: 60 });
  });
});

function daysOfChange(year: number, zone: string): string[] {
  const noons = Array.from({ length: 366 }, (_, day) => DateTime.fromMillis(Date.UTC(year, 0, 1 + day, 12), { zone }));
  return noons.filter((noon, i) => i > 0 && noon.offset !== noons[i - 1]!.offset).map((noon) => noon.toISODate()!);
}

describe('days', () => {
  it('are added and counted as luxon does', () => {
    fc.assert(fc.property(anyDate, fc.integer({ min: -400, max: 400 }), (date, days) => {
      expect(addDays(date, days)).toBe(DateTime.fromISO(date, { zone: 'utc' }).plus({ days }).toISODate());
      expect(daysBetween(date, addDays(date, days))).toBe(days);
    }), { seed });
  });

  it('end when the wall shows the next date, and a wall clock shows what luxon shows', () => {
    fc.assert(fc.property(anyDate, anyZone, fc.integer({ min: 0, max: 86_399_999 }), (date, zone, within) => {
      const at = Date.parse(`${date}T00:00Z`) + within;
      expect(isoOf(at)).toBe(new Date(at).toISOString());
      expect(Object.values(wallClock(at, zone)).join('T')).toBe(wallAt(at, zone));
      const end = endOfDay(date, zone);
      expect(wallAt(end, zone).slice(0, 10) > date).toBe(true);
      expect(wallAt(end - 1, zone).slice(0, 10) <= date).toBe(true);
    }), { seed, numRuns: 300 });
  });
});

describe('quiet hours', () => {
  it('put a moment off to one at which it is not quiet, never to an earlier one, and leave others alone', () => {
    fc.assert(fc.property(anyDate, anyZone, anyTime, fc.record({ from: anyTime, to: anyTime }), (date, zone, time, { from, to }) => {
      fc.pre(from !== to);
      const at = localInstant({ date, time, zone });
      const after = afterQuiet({ from, to }, at, zone);
      expect(after).toBeGreaterThanOrEqual(at);
      expect(after - at).toBeLessThanOrEqual(26 * 3_600_000);
      if (after > at) expect(wallAt(after, zone).slice(11) >= to).toBe(true);
    }), { seed, numRuns: 300 });
  });
});
