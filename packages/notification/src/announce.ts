import { publicEvents, type NotificationRef, type PublicEventData, type PublicEventType } from '@rappel/contracts';
import type { RecordedEvent } from '@rappel/event-store';
import type { Announcement } from '@rappel/messaging';
import type { NotificationEvent } from './events.ts';

type Announced = { [T in PublicEventType]: { readonly type: T; readonly data: PublicEventData<T> } }[PublicEventType];

function outcome(event: NotificationEvent): Announced | undefined {
  switch (event.type) {
    case 'AttemptAccepted': {
      const { notification, attempts, providerId, at } = event.data;
      return { type: 'NotificationSent', data: { notification, attempts, providerId, at } };
    }
    case 'AttemptSettled': {
      const { notification, attempts, providerId = 'unknown', verdict, at } = event.data;
      return verdict === 'sent' ? { type: 'NotificationSent', data: { notification, attempts: Math.max(1, attempts), providerId, at } } : undefined;
    }
    case 'NotificationGivenUp': {
      const { notification, class: errorClass, code, text, attempts, at } = event.data;
      return { type: 'NotificationGivenUp', data: { notification, class: errorClass, code, error: text, attempts, at } };
    }
    case 'DeliveryReported': {
      const { notification, delivery, code, at } = event.data;
      // That it left is what `sent` said already.
      return delivery === 'queued' || delivery === 'sent' ? undefined : { type: 'NotificationDelivery', data: { notification, delivery, code, at } };
    }
    case 'NotificationSkipped': {
      const { reason, at, department: _, detail: __, ...notification } = event.data;
      return { type: 'NotificationSkipped', data: { notification: notification satisfies NotificationRef, reason, at } };
    }
    default: return undefined;
  }
}

/** Stored event → public message, or nothing. A stored shape may change; what is published here may not. */
export function announceNotification(recorded: RecordedEvent): Announcement | undefined {
  const announced = outcome(recorded as unknown as NotificationEvent);
  if (!announced) return undefined;
  const { correlationId = recorded.id, causationId = recorded.id, traceparent } = recorded.metadata;
  return {
    subject: publicEvents[announced.type].subject,
    event: {
      specversion: '1.0',
      id: recorded.id,
      source: '/rappel/notification',
      type: announced.type,
      subject: (announced.data as { notification: NotificationRef }).notification.attributionId,
      time: recorded.recordedAt,
      correlationid: correlationId,
      causationid: causationId,
      ...(traceparent && { traceparent }),
      data: announced.data,
    },
  };
}
