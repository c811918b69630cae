import { attributionStream, borrowerFold, borrowerStream, type Borrower, type BorrowerFacts, type BorrowerPersonal } from '@rappel/lending';
import type { Personal, RecordedEvent } from '@rappel/event-store';
import { isSuppressed, suppressionFold, suppressionStream, type Suppressions } from '../suppression.ts';
import type { DeliveryDependencies } from './dependencies.ts';

/** What is known of a borrower and their loans, read right before sending. */
export interface Facts {
  readonly borrower: Borrower;
  readonly suppressions: Suppressions;
  /** Events of each loan, in the order asked for. */
  readonly loans: readonly (readonly RecordedEvent[])[];
  /** The same two as of the trigger's place in the store: what both channels agree on. */
  readonly asOfTrigger: { readonly borrower: Borrower; readonly suppressions: Suppressions };
}

/** Reads all streams at once; the store gathers them. */
export async function readFacts({ store }: Pick<DeliveryDependencies, 'store'>, borrowerId: string, attributionIds: readonly string[], checkpoint?: string): Promise<Facts> {
  const [borrowerEvents, suppressionEvents, ...loans] = await Promise.all([
    store.readStream(borrowerStream(borrowerId)),
    store.readStream(suppressionStream(borrowerId)),
    ...attributionIds.map((id) => store.readStream(attributionStream(id))),
  ]);
  const known = (event: RecordedEvent): boolean => checkpoint === undefined || event.checkpoint <= checkpoint;
  const borrower = borrowerEvents.reduce(borrowerFold.evolve, borrowerFold.initial);
  const borrowerThen = borrowerEvents.filter(known).reduce(borrowerFold.evolve, borrowerFold.initial);
  return {
    borrower,
    suppressions: suppressionEvents.reduce(suppressionFold.evolve, suppressionFold.initial),
    loans,
    asOfTrigger: {
      borrower: borrowerThen.status === 'absent' ? borrower : borrowerThen,
      suppressions: suppressionEvents.filter(known).reduce(suppressionFold.evolve, suppressionFold.initial),
    },
  };
}

export interface Recipient {
  readonly facts: BorrowerFacts;
  readonly personal: BorrowerPersonal;
}

/** The borrower with their personal fields open; undefined when unknown or forgotten. */
export async function openBorrower(borrower: Borrower, open: DeliveryDependencies['open']): Promise<Recipient | undefined> {
  if (borrower.status !== 'known') return undefined;
  const personal = await open(borrower.personal);
  return personal.state === 'open' ? { facts: borrower.facts, personal: personal.fields as unknown as BorrowerPersonal } : undefined;
}

/** Opens what it opened before from memory: while one message is worked on, the same personal part is asked for again and again. */
export function openingOnce(open: DeliveryDependencies['open']): DeliveryDependencies['open'] {
  const opened = new Map<Personal, Promise<Personal>>();
  return (personal) => {
    const known = opened.get(personal) ?? open(personal);
    opened.set(personal, known);
    return known;
  };
}

/** The channels that the borrower may not be written to on, for the address they have. */
export async function suppressedChannels({ personal }: Recipient, suppressions: Suppressions, open: DeliveryDependencies['open']): Promise<{ readonly EMAIL: boolean; readonly WHATSAPP: boolean }> {
  return {
    EMAIL: await isSuppressed(suppressions.EMAIL, personal.email, open),
    WHATSAPP: await isSuppressed(suppressions.WHATSAPP, personal.phone, open),
  };
}
