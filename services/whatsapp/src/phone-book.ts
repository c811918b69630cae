import { START, type Checkpoint, type EventStore, type Personal, type RecordedEvent } from '@rappel/event-store';
import { parsePhone } from '@rappel/notification';

/** Which borrowers have a number now. */
export interface PhoneBook {
  /** Ids of those whose number this is (E.164). Rejects when the store cannot be reached. */
  borrowersWith(number: string): Promise<string[]>;
}

const PAGE = 1000;

/**
 * Read from the borrowers' streams when somebody writes, and from there on only what is new. Kept in memory and nowhere else: no
 * table of numbers outlives an erasure. The first reply after a start reads them all.
 */
export function createPhoneBook({ store, open, country }: { readonly store: EventStore; readonly open: (personal: Personal) => Promise<Personal>; readonly country: string }): PhoneBook {
  const numbers = new Map<string, string>();
  let after: Checkpoint = START;
  let reading: Promise<void> = Promise.resolve();

  async function note({ stream, personal }: RecordedEvent): Promise<void> {
    const borrowerId = stream.slice('borrower-'.length);
    const opened = personal && await open(personal);
    const number = opened?.state === 'open' && opened.fields.phone ? parsePhone(opened.fields.phone, country) : undefined;
    if (number) numbers.set(borrowerId, number);
    else numbers.delete(borrowerId);
  }
  async function catchUp(): Promise<void> {
    for (;;) {
      const page = await store.readAll({ categories: ['borrower'], after, limit: PAGE });
      // The last event of each is how they are now.
      await Promise.all([...new Map(page.map((event) => [event.stream, event])).values()].map(note));
      const last = page.at(-1);
      if (!last) return;
      after = last.checkpoint;
    }
  }
  return {
    async borrowersWith(number) {
      reading = reading.catch(() => undefined).then(catchUp);
      await reading;
      return [...numbers].flatMap(([borrowerId, theirs]) => (theirs === number ? [borrowerId] : []));
    },
  };
}
