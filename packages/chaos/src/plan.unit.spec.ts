import { expect, test } from '@jest/globals';
import { describeBlow, planBlows } from './plan.ts';

test('the same seed gives the same blows, another one others', () => {
  expect(planBlows(7, 300)).toEqual(planBlows(7, 300));
  expect(planBlows(7, 300)).not.toEqual(planBlows(8, 300));
});

test('a longer run begins like a shorter one', () => {
  const short = planBlows(7, 30);
  expect(planBlows(7, 300).slice(0, short.length)).toEqual(short);
});

test('a minute has nearly every kind of blow, in order', () => {
  const plan = planBlows(1, 60);
  expect(new Set(plan.map(({ kind }) => kind)).size).toBe(8);
  expect([...plan].sort((a, b) => a.at - b.at)).toEqual(plan);
  expect(plan.every(({ at }) => at < 60_000)).toBe(true);
  expect(describeBlow({ kind: 'leap', target: 'clock', hours: 3, lasts: 0, at: 1500 })).toBe('   1.5 s  leap      clock              3 h ahead');
});
