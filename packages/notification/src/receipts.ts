import type { Delivery, NotificationRef } from '@rappel/contracts';
import type { EventStore } from '@rappel/event-store';
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
 * Stores a receipt: one append without a look, whatever order it comes in, and the same receipt twice is one event. One about
 * a message that tells several loans goes to each of them.
 */
export async function storeReceipt(store: EventStore, receipt: Receipt): Promise<void> {
  const about = receipt.grouped
    ? (await readParty(store, receipt.notification.notificationId)).flatMap(({ state }) => (state.identity ? [state.identity] : []))
    : [receipt.notification];
  const { providerId, attemptId, delivery, code, text, at } = receipt;
  const receiptId = [providerId, delivery, code ?? ''].join(':');
  const appends = about.map((identity) => {
    const { notificationId, attributionId, borrowerId, type, channel, dueVersion, occurrence } = identity;
    const notification = { notificationId, attributionId, borrowerId, type, channel, dueVersion, occurrence };
    const data: Extract<NotificationEvent, { type: 'DeliveryReported' }>['data'] = {
      notification, receiptId, providerId, delivery, at,
      ...(attemptId && { attemptId }), ...(code && { code }), ...(text && { text }),
    };
    return { stream: notificationStream(notificationId), events: [{ id: eventId(notificationId, receiptId, 'DeliveryReported'), type: 'DeliveryReported', data }], expected: 'any' as const };
  });
  const [only] = appends;
  if (appends.length === 1) await store.append(only!.stream, only!.events, 'any');
  else if (appends.length > 1) await store.appendMany(appends);
}
