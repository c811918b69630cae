import { z } from 'zod';
import { Id, Instant } from './limits.ts';
import { Channel, Delivery, NotificationType } from './words.ts';

/** What every outcome says of the notification it is about. Holds no personal data. */
export const NotificationRef = z.object({
  notificationId: z.uuid(),
  attributionId: Id,
  borrowerId: Id,
  type: NotificationType,
  channel: Channel,
  dueVersion: z.int().min(1),
  occurrence: z.int().min(1),
});
export type NotificationRef = z.infer<typeof NotificationRef>;

export const errorClasses = ['RECIPIENT', 'SUPPRESSED', 'CONTENT', 'CONFIG', 'TRANSIENT', 'THROTTLE', 'UNKNOWN'] as const;
export const ErrorClass = z.enum(errorClasses);
export type ErrorClass = z.infer<typeof ErrorClass>;

/** The provider accepted it (`ENVOYEE`). */
export const NotificationSent = z.object({ notification: NotificationRef, attempts: z.int().min(1), providerId: z.string(), at: Instant });
export type NotificationSent = z.infer<typeof NotificationSent>;

/** What the provider reported of it afterwards. */
export const NotificationDelivery = z.object({ notification: NotificationRef, delivery: Delivery, code: z.string().optional(), at: Instant });
export type NotificationDelivery = z.infer<typeof NotificationDelivery>;

/** It will not be sent any more (`ECHEC_PERMANENT`), unless an operator replays it. */
export const NotificationGivenUp = z.object({
  notification: NotificationRef,
  class: ErrorClass,
  code: z.string().optional(),
  error: z.string(),
  attempts: z.int().min(0),
  at: Instant,
});
export type NotificationGivenUp = z.infer<typeof NotificationGivenUp>;

/** Not sending is a fact too: `reason` is a stable word, e.g. `preference`, `returned`, `superseded`, `too-late`. */
export const NotificationSkipped = z.object({ notification: NotificationRef, reason: z.string(), at: Instant });
export type NotificationSkipped = z.infer<typeof NotificationSkipped>;
