import { publicEvents, type Channel, type LoanSnapshot, type NotificationType } from '@rappel/contracts';
import type { Metadata } from '@rappel/event-store';
import type { Message } from '@rappel/messaging';

export type AboutLoan = Pick<LoanSnapshot, 'attributionId' | 'dueVersion' | 'department'> & { readonly occurrence: number };

/** Something a borrower should be told, whatever the channel. */
export interface Occasion {
  readonly type: NotificationType;
  readonly borrowerId: string;
  /** One, or several of the same borrower to be told in one message. */
  readonly loans: readonly AboutLoan[];
  /** Loans whose own notice of the same moment is to be told in the same message, this one's among them. */
  readonly companions?: readonly string[];
  /** Business moment it was planned for. */
  readonly dueFrom: string;
  readonly validUntil?: string;
  /** Channels it is restricted to. */
  readonly channels?: readonly Channel[];
  /** Place in the store of the event that told us: both channels judge by what was known there. */
  readonly checkpoint?: string;
  readonly metadata: Metadata;
}

type Parse = (data: unknown) => Omit<Occasion, 'checkpoint' | 'metadata'>;
const ofLoan = (type: NotificationType, loan: LoanSnapshot, { at, occurrence = 1 }: { at: string; occurrence?: number }): ReturnType<Parse> =>
  ({ type, borrowerId: loan.borrowerId, loans: [{ ...loan, occurrence }], dueFrom: at });

const parsers: Readonly<Record<string, Parse>> = {
  [publicEvents.AttributionCreated.subject]: (data) => {
    const { loan, at } = publicEvents.AttributionCreated.schema.parse(data);
    return ofLoan('CREATION', loan, { at });
  },
  [publicEvents.AttributionReturned.subject]: (data) => {
    const { loan, at } = publicEvents.AttributionReturned.schema.parse(data);
    return ofLoan('RESTITUTION', loan, { at });
  },
  [publicEvents.AttributionOverdue.subject]: (data) => {
    const { loan, at, occurrence, companions } = publicEvents.AttributionOverdue.schema.parse(data);
    return { ...ofLoan('RETARD', loan, { at, occurrence }), companions };
  },
  [publicEvents.ReminderDue.subject]: (data) => {
    const { type, borrowerId, loans, occurrence, channels, plannedFor, validUntil } = publicEvents.ReminderDue.schema.parse(data);
    return { type, borrowerId, loans: loans.map((loan) => ({ ...loan, occurrence })), channels, dueFrom: plannedFor, validUntil };
  },
};

/** What a message asks us to tell; undefined for messages that tell nothing. Throws `ZodError` for a malformed one. */
export function occasionOf({ subject, event, checkpoint }: Message): Occasion | undefined {
  const parsed = parsers[subject]?.(event.data);
  if (!parsed) return undefined;
  const metadata = { correlationId: event.correlationid ?? event.id, causationId: event.id, ...(event.traceparent && { traceparent: event.traceparent }) };
  return { ...parsed, checkpoint, metadata };
}
