import type { Channel, NotificationType } from '@rappel/contracts';
import { readLog, type LoggedNotification } from '@rappel/demo';
import { pagesOf, type EventStore, type RecordedEvent } from '@rappel/event-store';
import type { Stack } from '@rappel/local-stack';

/** A row of the log, as its API gives it. */
export interface LogRow extends LoggedNotification {
  readonly type: NotificationType;
  readonly channel: Channel;
  readonly dueVersion: number;
  readonly occurrence: number;
  readonly attempts: number;
  readonly phase: string;
  readonly leader: string | null;
  readonly errorText: string | null;
}

/** One message as a borrower got it. */
export interface Arrival {
  readonly channel: Channel;
  /** The notification (the leader's, where one message tells several loans) that its headers or callback name. */
  readonly notificationId: string;
  readonly providerId: string;
  /** Real time. */
  readonly at: number;
}

/** What the four witnesses say: the store, the log, the inbox and the simulator. */
export interface Evidence {
  readonly events: readonly RecordedEvent[];
  readonly rows: readonly LogRow[];
  readonly arrivals: readonly Arrival[];
}

export async function gatherEvidence({ stack, store, token, logUrl }: { stack: Stack; store: EventStore; token: string; logUrl: string }): Promise<Evidence> {
  const events: RecordedEvent[] = [];
  for await (const page of pagesOf(store)) events.push(...page);
  const mails = await stack.inbox!.mails();
  return {
    events,
    rows: await readLog<LogRow>(logUrl, token),
    arrivals: [
      ...mails.map(({ messageId, headers, receivedAt }): Arrival => ({ channel: 'EMAIL', notificationId: headers['x-rappel-notification'] ?? '', providerId: bare(messageId), at: Date.parse(receivedAt) })),
      ...stack.twilio!.messages().map(({ sid, statusCallback, acceptedAt }): Arrival => ({
        channel: 'WHATSAPP', notificationId: new URL(statusCallback ?? 'none:').searchParams.get('n') ?? '', providerId: sid, at: Date.parse(acceptedAt),
      })),
    ],
  };
}

/** A Message-ID without its brackets. */
export const bare = (id: string): string => id.replace(/^<|>$/g, '');
