import { z } from 'zod';

/**
 * Glossary. Code is in English with the field's terms; the values RadGestMat knows are kept as they are.
 *
 * - **attribution**: one loan of one item (`materiel`) to one borrower.
 * - **due moment**: a local date, with or without a time, in an IANA zone; without a time the deadline is the desk's closing hour.
 * - **due version**: 1 at creation, +1 at each reschedule; part of a reminder's identity, so an extension re-arms it.
 * - **occurrence**: 1 for a first reminder or overdue notice, +1 for each repetition.
 * - **notification**: what one borrower should be told once on one channel; its stream is `notification-<id>`.
 * - **attempt**: one try to hand a notification to a provider. **receipt**: what the provider later says of it.
 */
export const notificationTypes = ['CREATION', 'RAPPEL_2H', 'RAPPEL_J2', 'RAPPEL_J1', 'RAPPEL_FINAL', 'RETARD', 'RESTITUTION'] as const;
export const NotificationType = z.enum(notificationTypes);
export type NotificationType = z.infer<typeof NotificationType>;

/** The types that a scheduler plans before the due moment. */
export const reminderTypes = ['RAPPEL_2H', 'RAPPEL_J2', 'RAPPEL_J1', 'RAPPEL_FINAL'] as const;
export const ReminderType = z.enum(reminderTypes);
export type ReminderType = z.infer<typeof ReminderType>;

export const channels = ['EMAIL', 'WHATSAPP'] as const;
export const Channel = z.enum(channels);
export type Channel = z.infer<typeof Channel>;

/** `ENVOYEE` means the provider accepted it; what happened to it afterwards is `Delivery`. */
export const statuses = ['EN_ATTENTE', 'ENVOYEE', 'ECHEC', 'ECHEC_PERMANENT'] as const;
export const Status = z.enum(statuses);
export type Status = z.infer<typeof Status>;

export const deliveries = ['queued', 'sent', 'delivered', 'read', 'undelivered', 'failed'] as const;
export const Delivery = z.enum(deliveries);
export type Delivery = z.infer<typeof Delivery>;

/** `COURT` and `MOYEN` are under 24 hours, `LONG` is longer. */
export const durations = ['COURT', 'MOYEN', 'LONG'] as const;
export const LoanDuration = z.enum(durations);
export type LoanDuration = z.infer<typeof LoanDuration>;

export const locales = ['fr', 'en'] as const;
export const Locale = z.enum(locales);
export type Locale = z.infer<typeof Locale>;
