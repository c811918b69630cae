import { setImmediate } from 'node:timers/promises';
import type { EventStore, Personal, RecordedEvent } from '@rappel/event-store';
import { parsePhone } from '@rappel/notification';
import type { AddressBook } from '@rappel/privacy';

/** Which borrowers have a number now. */
export interface PhoneBook {
  /** Ids of those whose number this is (E.164). Rejects when the store or the database cannot be reached. */
  borrowersWith(number: string): Promise<string[]>;
  /** Takes in what is new of the borrowers, so that the next question need not. */
  catchUp(): Promise<void>;
}

const PAGE = 1000;
// Numbers opened and read in one turn of the loop, some 10 ms: whoever sends meanwhile gets their turn between two.
const SLICE = 100;

/**
 * Numbers as the borrowers' streams have them, kept as keyed hashes beside the borrowers' keys (`addresses`): a question reads only
 * what has been written since the last look, by whichever instance.
 */
export function createPhoneBook({ store, open, country, addresses }: { readonly store: EventStore; readonly open: (personal: Personal) => Promise<Personal>; readonly country: string; readonly addresses: AddressBook }): PhoneBook {
  let reading: Promise<void> = Promise.resolve();

  async function numberOf(personal: Personal | undefined): Promise<string | undefined> {
    const opened = personal && await open(personal);
    return opened?.state === 'open' && opened.fields.phone ? parsePhone(opened.fields.phone, country) : undefined;
  }
  async function numbersOf(borrowers: readonly RecordedEvent[]): Promise<Map<string, string | undefined>> {
    const numbers = new Map<string, string | undefined>();
    for (let at = 0; at < borrowers.length; at += SLICE) {
      await Promise.all(borrowers.slice(at, at + SLICE).map(async ({ stream, personal }) => numbers.set(stream.slice('borrower-'.length), await numberOf(personal))));
      await setImmediate();
    }
    return numbers;
  }
  async function readOn(): Promise<void> {
    for (let from = await addresses.checkpoint(); ;) {
      const page = await store.readAll({ categories: ['borrower'], after: from, limit: PAGE });
      const last = page.at(-1);
      if (!last) return;
      // The last event of each is how they are now.
      const latest = [...new Map(page.map((event) => [event.stream, event])).values()];
      const recorded = await addresses.record(await numbersOf(latest), { from, to: last.checkpoint });
      from = recorded ? last.checkpoint : await addresses.checkpoint();
    }
  }
  const catchUp = (): Promise<void> => (reading = reading.catch(() => undefined).then(readOn));
  return {
    catchUp,
    async borrowersWith(number) {
      await catchUp();
      return addresses.whose(number);
    },
  };
}
