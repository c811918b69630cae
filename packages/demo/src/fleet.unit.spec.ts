import { expect, test } from '@jest/globals';
import { inboundTypes } from '@rappel/contracts';
import { createFleet, fates, reaches } from './fleet.ts';

const fleet = createFleet(330, { email: (n, reach) => `${reach}-${n}@example.org`, phone: (n) => `+3360000${String(n).padStart(4, '0')}` });

test('the fleet has every fate on every reach', () => {
  const pairs = new Set(fleet.map(({ fate, reach }) => `${fate}/${reach}`));
  expect(pairs.size).toBe(fates.length * reaches.length);
});

test('everything upstream publishes is well formed, in order and under an id of its own', () => {
  const events = fleet.flatMap((loan) => loan.events);
  for (const { type, data } of events) inboundTypes[type].parse(data);
  for (const { events: own } of fleet) expect([...own].sort((a, b) => (a.at < b.at ? -1 : 1))).toEqual(own);
  expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
});

test('the same size gives the same fleet', () => {
  const again = createFleet(330, { email: (n, reach) => `${reach}-${n}@example.org`, phone: (n) => `+3360000${String(n).padStart(4, '0')}` });
  expect(again).toEqual(fleet);
});
