import { channels, publicEvents, type Channel, type LoanSnapshot, type NotificationType, type PublicEventData, type PublicEventType } from '@rappel/contracts';
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
  /** Channels on which the borrower could be reached as whoever announced it knew them: it restricts as `channels` does, where nothing else does. */
  readonly reachable?: readonly Channel[];
  /** Place in the store of the event that told us: both channels judge by what was known there. */
  readonly checkpoint?: string;
  readonly metadata: Metadata;
}

type Asked = Omit<Occasion, 'reachable' | 'checkpoint' | 'metadata'>;
const ofLoan = (type: NotificationType, loan: LoanSnapshot, { at, occurrence = 1 }: { at: string; occurrence?: number }): Asked =>
  ({ type, borrowerId: loan.borrowerId, loans: [{ occurrence, ...loan }], dueFrom: at });

const readers: { readonly [T in PublicEventType]?: (data: PublicEventData<T>) => Asked } = {
  AttributionCreated: ({ loan, at }) => ofLoan('CREATION', loan, { at }),
  AttributionReturned: ({ loan, at }) => ofLoan('RESTITUTION', loan, { at }),
  AttributionOverdue: ({ loan, at, occurrence, companions }) => ({ companions, ...ofLoan('RETARD', loan, { at, occurrence }) }),
  ReminderDue: ({ type, borrowerId, loans, occurrence, channels, plannedFor, validUntil }) =>
    ({ type, borrowerId, loans: loans.map((loan) => ({ occurrence, ...loan })), channels, dueFrom: plannedFor, validUntil }),
};
const bySubject = new Map(Object.entries(readers).map(([type, read]) => [publicEvents[type as PublicEventType].subject as string, read as (data: unknown) => Asked]));

/** What a message asks us to tell; undefined for messages that tell nothing. Its data fits its schema: messages that do not never reach a handler. */
export function occasionOf({ subject, event, checkpoint }: Message): Occasion | undefined {
  const asked = bySubject.get(subject)?.(event.data);
  if (!asked) return undefined;
  const metadata = { correlationId: event.correlationid ?? event.id, causationId: event.id, ...(event.traceparent && { traceparent: event.traceparent }) };
  const reachable = event.rappelchannels?.split(',');
  return { checkpoint, metadata, ...asked, ...(reachable && { reachable: channels.filter((channel) => reachable.includes(channel)) }) };
}
