import type { NotificationRef } from '@rappel/contracts';
import { NotificationRef as NotificationRefSchema } from '@rappel/contracts';
import { publicAddress } from '@rappel/notification/nest';
import { z } from 'zod';

export const RECEIPTS_PATH = '/webhooks/twilio/status';

/** What a receipt is about: travels in the callback's URL, which Twilio's signature covers, so a receipt needs no look-up. */
export interface ReceiptSubject {
  readonly notification: NotificationRef;
  readonly attemptId: string;
  /** The message tells several loans, each with its own notification. */
  readonly grouped: boolean;
}

export function receiptUrl(base: string, { notification, attemptId, grouped }: ReceiptSubject): string {
  const { notificationId, attributionId, borrowerId, type, dueVersion, occurrence } = notification;
  const query = new URLSearchParams({
    n: notificationId, a: attemptId, l: attributionId, b: borrowerId, t: type, v: String(dueVersion), o: String(occurrence), ...(grouped && { g: '1' }),
  });
  return publicAddress(base, `${RECEIPTS_PATH}?${query}`);
}

const Query = z.object({
  n: z.uuid(), a: z.uuid(), l: z.string(), b: z.string(), t: z.string(), v: z.coerce.number(), o: z.coerce.number(), g: z.literal('1').optional(),
}).transform(({ n, a, l, b, t, v, o, g }) => ({
  notification: { notificationId: n, attributionId: l, borrowerId: b, type: t, channel: 'WHATSAPP', dueVersion: v, occurrence: o },
  attemptId: a,
  grouped: g === '1',
})).pipe(z.object({ notification: NotificationRefSchema, attemptId: z.uuid(), grouped: z.boolean() }));

/** Reads the query back; undefined when it was not written here. */
export function readReceiptUrl(query: unknown): ReceiptSubject | undefined {
  const parsed = Query.safeParse(query);
  return parsed.success ? parsed.data : undefined;
}
