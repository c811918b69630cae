import type { Delivery, NotificationRef } from '@rappel/contracts';
import type { EventStore, NewEvent, RecordedEvent } from '@rappel/event-store';
import { reactions, twilioCodes } from './error-classes.ts';
import { notificationStream, type NotificationEvent } from './events.ts';
import { eventId } from './ids.ts';
import type { DeliveryDependencies } from './delivery/dependencies.ts';
import { readParty } from './delivery/party.ts';
import { suppress } from './suppression.ts';

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
 * notification that it is about. One about a message that tells several loans goes to each of them. Nothing is stored about a
 * notification that this store does not have: a message is sent only after its request is stored, so somebody else sent it.
 */
export async function storeReceipt(store: EventStore, receipt: Receipt): Promise<StoredReceipt> {
  const about = receipt.grouped
    ? (await readParty(store, receipt.notification.notificationId)).flatMap(({ state, metadata }) => (state.identity ? [{ identity: state.identity, metadata }] : []))
    : (await firstOf(store, receipt.notification.notificationId)).map(({ metadata }) => ({ identity: receipt.notification, metadata }));
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
  const stored = appends.length > 1 ? await store.appendMany(appends) : only ? [await store.append(only.stream, only.events, 'any')] : [];
  return { isKnown: about.length > 0, isNew: stored.some(({ duplicate }) => !duplicate) };
}

interface StoredReceipt {
  /** Whether there is a notification that it is about. */
  readonly isKnown: boolean;
  /** Whether it came for the first time. */
  readonly isNew: boolean;
}

/**
 * Stores a receipt, then does what it means for everybody else, as after a refusal at once: pause or throttle the channel, leave
 * alone who does not want to be written to; one that says a message arrived ends a pause that receipts began. A receipt that
 * comes again changes nothing for the channel, which may have been mended since; one about nothing known changes nothing at all.
 */
export async function takeReceipt(delivery: ForReceipts, receipt: Receipt): Promise<StoredReceipt> {
  const stored = await storeReceipt(delivery.store, receipt);
  if (stored.isKnown) await heed(delivery, receipt, stored);
  return stored;
}

type ForReceipts = Pick<DeliveryDependencies, 'store' | 'gate' | 'channel'>;

const arrived = new Set<Delivery>(['delivered', 'read']);
const failed = new Set<Delivery>(['undelivered', 'failed']);

async function heed({ store, gate, channel }: ForReceipts, { delivery, code, providerId, at, notification: { borrowerId } }: Receipt, { isNew }: { isNew: boolean }): Promise<void> {
  if (isNew && arrived.has(delivery)) return gate.succeeded('arrived');
  const errorClass = failed.has(delivery) ? twilioCodes.get(code ?? '') : undefined;
  if (errorClass === undefined) return undefined;
  const { channel: everybody, suppresses } = reactions[errorClass];
  if (suppresses) await suppress(store, { borrowerId, channel, kind: 'opt-out', source: `receipt ${code}`, at, commandId: `receipt:${providerId}:${code}` });
  if (everybody && isNew) await gate.failed(everybody, { class: errorClass, code, text: `Twilio says ${code} in a receipt` }, { by: 'receipt' });
  return undefined;
}

/** The first event of the notification says why it is there; every later one carries that on. */
const firstOf = (store: EventStore, notificationId: string): Promise<RecordedEvent[]> => store.readStream(notificationStream(notificationId), { limit: 1 });
