import { randomUUID } from 'node:crypto';
import { expect, it } from '@jest/globals';
import { createInMemoryEventStore } from '@rappel/event-store';
import type { AddressBook } from '@rappel/privacy';
import { createPhoneBook } from './phone-book.ts';

/** The address book without a database. */
function memoryBook(): AddressBook {
  const kept = new Map<string, string | undefined>();
  let reached = '';
  return {
    checkpoint: async () => reached,
    record: async (addresses, { to }) => {
      for (const [subject, address] of addresses) kept.set(subject, address);
      reached = to;
      return true;
    },
    whose: async (address) => [...kept].flatMap(([subject, one]) => (one === address ? [subject] : [])),
  };
}

it('reads a large import a little at a time: whoever else is in the process gets a turn between', async () => {
  const store = createInMemoryEventStore();
  for (let n = 0; n < 2500; n++) {
    await store.append(`borrower-b${n}`, [{ id: randomUUID(), type: 'BorrowerRegistered', data: {}, personal: { state: 'open', subject: `b${n}`, fields: { phone: `06${10_000_000 + n}` } } }], 0);
  }
  let [opened, inTurn, most, over] = [0, 0, 0, false];
  const turn = (): void => {
    inTurn = 0;
    if (!over) setImmediate(turn);
  };
  turn();
  const book = createPhoneBook({
    store, country: 'FR', addresses: memoryBook(),
    open: async (personal) => { most = Math.max(most, ++inTurn); opened += 1; return personal; },
  });
  expect(await book.borrowersWith('+33610002499')).toEqual(['b2499']);
  over = true;
  expect(opened).toBe(2500);
  // Ours may come just before and just after a turn.
  expect(most).toBeLessThanOrEqual(200);
});
