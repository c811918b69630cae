import { publicEvents, type Channel, type Due, type LoanSnapshot, type Preferences, type PublicEventType, type ReminderType } from '@rappel/contracts';
import { derivedIds, type EventStore, type Personal } from '@rappel/event-store';
import { attributionStream, borrowerStream, dueInstant } from '@rappel/lending';
import type { Message } from '@rappel/messaging';

export interface LentTo {
  readonly borrowerId: string;
  readonly firstName?: string;
  readonly email?: string;
  readonly phone?: string;
  /** IANA zone. Default: none, so the loan's. */
  readonly zone?: string;
  readonly preferences?: Partial<Preferences>;
}

const idOf = derivedIds('6ba7b810-9dad-11d1-80b4-00c04fd430c8');
const id = (...parts: (string | number)[]): string => idOf(parts.join('/'));

/** Loans and borrowers as the loan service stores them, and the messages that follow, for tests of those who tell borrowers. */
export function createScene({ store, now }: { store: EventStore; now: () => string }) {
  const loans = new Map<string, LoanSnapshot>();
  let written = 0;

  async function write(stream: string, type: string, { data, personal, channels }: { data: object; personal?: Personal; channels?: readonly Channel[] }): Promise<{ checkpoint: string; eventId: string }> {
    const eventId = id(stream, type, ++written);
    const { checkpoint } = await store.append(stream, [{ id: eventId, type, data, metadata: { correlationId: eventId, ...(channels && { channels }) }, ...(personal && { personal }) }], 'any');
    return { checkpoint, eventId };
  }

  function message(type: PublicEventType, data: object, { checkpoint, eventId, channels }: { checkpoint?: string; eventId: string; channels?: readonly Channel[] }): Message {
    return {
      event: { specversion: '1.0', id: eventId, source: '/test', type, correlationid: eventId, time: now(), ...(channels && { rappelchannels: channels.join() }), data },
      subject: publicEvents[type].subject, deliveries: 1, ...(checkpoint !== undefined && { checkpoint }),
    };
  }

  async function told(loan: LoanSnapshot, type: 'AttributionCreated' | 'AttributionRescheduled' | 'AttributionReturned' | 'AttributionCancelled' | 'AttributionOverdue', { channels, ...rest }: { channels?: readonly Channel[] } & Record<string, unknown> = {}): Promise<Message> {
    loans.set(loan.attributionId, loan);
    const data = { loan, at: now(), ...rest };
    return message(type, data, { ...await write(attributionStream(loan.attributionId), type, { data, channels }), channels });
  }

  return {
    /** The borrower as they are now. */
    async borrower({ borrowerId, firstName = 'Jean', email, phone, zone, preferences = {} }: LentTo): Promise<void> {
      const facts = {
        borrowerId, locale: 'fr', ...(zone && { zone }), has: { email: email !== undefined, phone: phone !== undefined },
        preferences: { email: true, whatsapp: true, both: false, fallback: true, ...preferences }, at: now(),
      };
      const fields = { firstName, ...(email !== undefined && { email }), ...(phone !== undefined && { phone }) };
      await write(borrowerStream(borrowerId), 'BorrowerUpdated', { data: facts, personal: { state: 'open', subject: borrowerId, fields } });
    },
    /** Lends an item; answers with the message that says so, with `channels` as the only ones that reach the borrower. */
    lend(attributionId: string, borrowerId: string, { due = { date: '2026-12-10', time: '16:30', zone: 'Europe/Paris' }, name = 'Perceuse Bosch', code = 'PERC-001', channels }: { due?: Due; name?: string; code?: string; channels?: readonly Channel[] } = {}): Promise<Message> {
      return told({ attributionId, borrowerId, item: { code, name }, duration: 'LONG', due, dueAt: dueInstant(due), dueVersion: 1 }, 'AttributionCreated', { channels });
    },
    reschedule(attributionId: string, due: Due): Promise<Message> {
      const loan = loans.get(attributionId)!;
      return told({ ...loan, due, dueAt: dueInstant(due), dueVersion: loan.dueVersion + 1 }, 'AttributionRescheduled', { previousDue: loan.due });
    },
    giveBack: (attributionId: string): Promise<Message> => told(loans.get(attributionId)!, 'AttributionReturned', { returnedAt: now() }),
    cancel: (attributionId: string): Promise<Message> => told(loans.get(attributionId)!, 'AttributionCancelled'),
    late: (attributionId: string, { occurrence = 1, companions }: { occurrence?: number; companions?: string[] } = {}): Promise<Message> =>
      told(loans.get(attributionId)!, 'AttributionOverdue', { occurrence, daysLate: occurrence, level: occurrence, ...(companions && { companions }) }),
    /** A reminder of one loan, or of several of one borrower. */
    remind(type: ReminderType, attributionIds: readonly string[], { validUntil = '2026-12-10T15:30:00.000Z' } = {}): Message {
      const told = attributionIds.map((attributionId) => loans.get(attributionId)!);
      const data = { type, borrowerId: told[0]!.borrowerId, loans: told, occurrence: 1, plannedFor: now(), validUntil, policyVersion: 1, at: now() };
      return message('ReminderDue', data, { eventId: id(type, ...attributionIds, told[0]!.dueVersion) });
    },
  };
}
