import type { Delivery, NotificationRef } from '@rappel/contracts';
import type { EventStore, Metadata, NewEvent } from '@rappel/event-store';
import { notificationStream, type NotificationEvent } from './events.ts';
import { eventId } from './ids.ts';
import { readParty } from './delivery/party.ts';

/** What a provider reports of a message. */
export interface Receipt {
  readonly notification: NotificationRef;
  readonly attemptId?: string;
  readonly providerId: string;
  readonly delivery: Delivery;
  readonly code?: string;
  readonly text?: string;
  /** The message tells several loans; the notification is the leader's. */
  readonly grouped?: boolean;
  /** Business time. */
  readonly at: string;
}

/**
 * Stores a receipt, whatever order it comes in, and the same receipt twice is one event, in the conversation of the
 * notification that it is about. One about a message that tells several loans goes to each of them.
 */
export async function storeReceipt(store: EventStore, receipt: Receipt): Promise<void> {
  const about = receipt.grouped
    ? (await readParty(store, receipt.notification.notificationId)).flatMap(({ state, metadata }) => (state.identity ? [{ identity: state.identity, metadata }] : []))
    : [{ identity: receipt.notification, metadata: await metadataOf(store, receipt.notification.notificationId) }];
  const { providerId, attemptId, delivery, code, text, at } = receipt;
  const receiptId = [providerId, delivery, code ?? ''].join(':');
  const appends = about.map(({ identity, metadata }) => {
    const { notificationId, attributionId, borrowerId, type, channel, dueVersion, occurrence } = identity;
    const notification = { notificationId, attributionId, borrowerId, type, channel, dueVersion, occurrence };
    const data: Extract<NotificationEvent, { type: 'DeliveryReported' }>['data'] = {
      notification, receiptId, providerId, delivery, at,
      ...(attemptId && { attemptId }), ...(code && { code }), ...(text && { text }),
    };
    const event: NewEvent = { id: eventId(notificationId, receiptId, 'DeliveryReported'), type: 'DeliveryReported', data, ...(metadata && { metadata }) };
    return { stream: notificationStream(notificationId), events: [event], expected: 'any' as const };
  });
  const [only] = appends;
  if (appends.length === 1) await store.append(only!.stream, only!.events, 'any');
  else if (appends.length > 1) await store.appendMany(appends);
}

/** The first event of the notification says why it is there; every later one carries that on. */
async function metadataOf(store: EventStore, notificationId: string): Promise<Metadata | undefined> {
  const [first] = await store.readStream(notificationStream(notificationId), { limit: 1 });
  return first?.metadata;
}
