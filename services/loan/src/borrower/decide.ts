import type { Borrower as Incoming } from '@rappel/contracts';
import type { Borrower, BorrowerEvent, BorrowerFacts } from '@rappel/lending';
import { isDeepStrictEqual } from 'node:util';

/** What is known of a borrower, opened: `fields` is undefined when the person's key is gone. */
export interface KnownBorrower {
  readonly state: Borrower;
  readonly fields?: Readonly<Record<string, string>>;
}

/** Records the borrower as upstream knows them now; nothing when nothing changed. */
export function decideBorrower(incoming: Incoming, known: KnownBorrower, at: string): BorrowerEvent[] {
  const facts: BorrowerFacts = {
    borrowerId: incoming.id,
    locale: incoming.locale,
    ...(incoming.zone && { zone: incoming.zone }),
    preferences: incoming.preferences,
    has: { email: incoming.email !== undefined, phone: incoming.phone !== undefined },
  };
  const fields = personalFields(incoming);
  const { state } = known;
  if (state.status === 'known' && isDeepStrictEqual(state.facts, facts) && isDeepStrictEqual({ ...known.fields }, fields)) return [];
  const type = state.status === 'known' ? 'BorrowerUpdated' : 'BorrowerRegistered';
  return [{ type, data: { at, ...facts }, personal: { state: 'open', subject: incoming.id, fields } }];
}

function personalFields({ firstName, lastName, email, phone }: Incoming): Record<string, string> {
  return {
    firstName,
    ...(lastName !== undefined && { lastName }),
    ...(email !== undefined && { email }),
    ...(phone !== undefined && { phone }),
  };
}
