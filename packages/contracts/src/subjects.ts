import type { z } from 'zod';
import { AttributionCancelled, AttributionCreated, AttributionOverdue, AttributionRescheduled, AttributionReturned } from './loan.ts';
import { NotificationDelivery, NotificationGivenUp, NotificationSent, NotificationSkipped } from './outcome.ts';
import { OverdueMomentPassed, ReminderDue } from './scheduler.ts';

/**
 * Every public event: its type, its schema and the subject it travels on, `<owner>.<type>.v<version>`.
 * A consumer's `@EventPattern` is the subject. A published version never changes shape; a new shape is a new version.
 */
export const publicEvents = {
  AttributionCreated: { subject: 'loan.attribution-created.v1', schema: AttributionCreated },
  AttributionRescheduled: { subject: 'loan.attribution-rescheduled.v1', schema: AttributionRescheduled },
  AttributionReturned: { subject: 'loan.attribution-returned.v1', schema: AttributionReturned },
  AttributionCancelled: { subject: 'loan.attribution-cancelled.v1', schema: AttributionCancelled },
  AttributionOverdue: { subject: 'loan.attribution-overdue.v1', schema: AttributionOverdue },
  ReminderDue: { subject: 'scheduler.reminder-due.v1', schema: ReminderDue },
  OverdueMomentPassed: { subject: 'scheduler.overdue-moment-passed.v1', schema: OverdueMomentPassed },
  NotificationSent: { subject: 'notification.sent.v1', schema: NotificationSent },
  NotificationDelivery: { subject: 'notification.delivery.v1', schema: NotificationDelivery },
  NotificationGivenUp: { subject: 'notification.given-up.v1', schema: NotificationGivenUp },
  NotificationSkipped: { subject: 'notification.skipped.v1', schema: NotificationSkipped },
} as const;
export type PublicEventType = keyof typeof publicEvents;
export type PublicEventData<T extends PublicEventType> = z.infer<(typeof publicEvents)[T]['schema']>;

/**
 * The JetStream streams: who owns each, the subjects it keeps, and the durable consumers that must have acknowledged
 * a message before it may be purged. `INBOUND` is a work queue: what upstream published leaves it once stored. `neighbours`
 * may keep a durable each: while there is one, what it has not acknowledged stays.
 */
export const streams = {
  INBOUND: { owner: 'loan', subjects: ['inbound.*'], consumers: ['loan-inbound'] },
  LOAN: { owner: 'loan', subjects: ['loan.*.*'], consumers: ['scheduler', 'email', 'whatsapp'] },
  SCHEDULER: { owner: 'scheduler', subjects: ['scheduler.*.*'], consumers: ['loan', 'email-reminders', 'whatsapp-reminders'] },
  NOTIFICATION: { owner: 'notification', subjects: ['notification.*.*'], consumers: ['email-fallback', 'email-undelivered'], neighbours: ['upstream'] },
} as const;
export type StreamName = keyof typeof streams;
