import { channels, type Channel, type Locale, type Preferences } from '@rappel/contracts';
import type { Fold, Personal, RecordedEvent } from '@rappel/event-store';

/** Stream of one borrower. */
export const borrowerStream = (borrowerId: string): string => `borrower-${borrowerId}`;

/** Personal fields of a borrower, in the event's `personal` part only. */
export interface BorrowerPersonal {
  readonly firstName: string;
  readonly lastName?: string;
  readonly email?: string;
  readonly phone?: string;
}

export interface BorrowerFacts {
  readonly borrowerId: string;
  readonly locale: Locale;
  /** IANA zone; absent = the department's, else the due moment's. */
  readonly zone?: string;
  readonly preferences: Preferences;
  /** Which addresses exist, so that the channel policy needs no decryption. */
  readonly has: { readonly email: boolean; readonly phone: boolean };
}

type Reach = Pick<BorrowerFacts, 'preferences' | 'has'>;

/** Whether the borrower allows a channel, and has an address for it. */
export const reachOn = ({ preferences, has }: Reach, channel: Channel): { readonly allowed: boolean; readonly present: boolean } =>
  (channel === 'EMAIL' ? { allowed: preferences.email, present: has.email } : { allowed: preferences.whatsapp, present: has.phone });

/** The channels that the borrower allows and has an address for. */
export const reachableOn = (facts: Reach): Channel[] => channels.filter((channel) => {
  const { allowed, present } = reachOn(facts, channel);
  return allowed && present;
});

/** Each change carries the whole borrower: the latest one is what holds. */
export type BorrowerEvent =
  | { type: 'BorrowerRegistered'; data: BorrowerFacts & { at: string }; personal: Personal }
  | { type: 'BorrowerUpdated'; data: BorrowerFacts & { at: string }; personal: Personal }
  | { type: 'BorrowerForgotten'; data: { borrowerId: string; why?: string; at: string } };

export type Borrower =
  | { status: 'absent' }
  | { status: 'known'; facts: BorrowerFacts; personal: Personal }
  | { status: 'forgotten'; borrowerId: string };

function evolve(state: Borrower, recorded: RecordedEvent): Borrower {
  const event = recorded as unknown as BorrowerEvent;
  switch (event.type) {
    case 'BorrowerRegistered':
    case 'BorrowerUpdated': {
      const { at: _, ...facts } = event.data;
      return { status: 'known', facts, personal: event.personal };
    }
    case 'BorrowerForgotten':
      return { status: 'forgotten', borrowerId: event.data.borrowerId };
    default:
      return state;
  }
}

export const borrowerFold: Fold<Borrower> = { initial: { status: 'absent' }, evolve };
