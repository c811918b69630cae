import type { EventStore, Personal } from '@rappel/event-store';
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
  async function readOn(): Promise<void> {
    for (let from = await addresses.checkpoint(); ;) {
      const page = await store.readAll({ categories: ['borrower'], after: from, limit: PAGE });
      const last = page.at(-1);
      if (!last) return;
      // The last event of each is how they are now.
      const latest = [...new Map(page.map((event) => [event.stream, event])).values()];
      const numbers = await Promise.all(latest.map(async ({ stream, personal }) => [stream.slice('borrower-'.length), await numberOf(personal)] as const));
      const recorded = await addresses.record(new Map(numbers), { from, to: last.checkpoint });
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
