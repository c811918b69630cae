import type { Channel, Delivery, ErrorClass, NotificationRef, NotificationType } from '@rappel/contracts';

/** Stream of one notification: what one borrower is told once on one channel. */
export const notificationStream = (notificationId: string): string => `notification-${notificationId}`;

/** What every first event of a notification's stream says of it. */
export interface Identity {
  readonly notificationId: string;
  readonly attributionId: string;
  readonly borrowerId: string;
  readonly type: NotificationType;
  readonly channel: Channel;
  readonly dueVersion: number;
  readonly occurrence: number;
  readonly department?: string;
}

/** Why an attempt did not work. */
export interface Failure {
  readonly class: ErrorClass;
  readonly code?: string;
  readonly text: string;
}

/**
 * What is stored in `notification-<id>`. `at` is business time. The recipient's address is in the `personal`
 * part (`{ recipient, fingerprint? }`) of each append's first event, sealed under the borrower's key. No message body is ever stored. Events that are
 * announced say in `notification` what they are about, so that the relay needs no other event.
 */
export type NotificationEvent =
  /**
   * It shall be sent. `dueFrom` = the moment it was planned for; useless after `validUntil`. `replaces` = the WhatsApp
   * notification it stands in for. One message may tell several loans: each has its own stream, all name the first one
   * as `leader`, and the leader lists all `members`, itself included.
   */
  | { type: 'NotificationRequested'; data: Identity & { dueFrom: string; validUntil?: string; replaces?: string; leader?: string; members?: readonly string[]; at: string } }
  /** It shall not be sent, and why. May be the first event or follow a request (loan returned meanwhile). */
  | { type: 'NotificationSkipped'; data: Identity & { reason: SkipReason; detail?: string; at: string } }
  /** Stored before any socket is touched. Nobody else may start one before `leaseUntil` (real time). */
  | { type: 'AttemptStarted'; data: { attemptId: string; number: number; leaseUntil: string; at: string } }
  /** The provider took it: `ENVOYEE`. `providerId` = Twilio SID or Message-ID. */
  | { type: 'AttemptAccepted'; data: { notification: NotificationRef; attemptId: string; providerId: string; attempts: number; at: string } }
  /** `retryAt` absent = not by itself. `spent` false = does not count as one of the attempts (throttled, paused). */
  | { type: 'AttemptFailed'; data: Failure & { attemptId: string; spent: boolean; retryAt?: string; at: string } }
  /** Whether the provider took it is not known: `provider` = the line broke, `crash` = nobody recorded an outcome in time. */
  | { type: 'AttemptUnknown'; data: { attemptId: string; cause: 'provider' | 'crash'; text: string; at: string } }
  /** What the evidence says. `sent` carries the provider's id where known; `spent` as in `AttemptFailed`. */
  | { type: 'AttemptSettled'; data: { notification: NotificationRef; attemptId: string; verdict: Verdict; evidence: Evidence; spent: boolean; attempts: number; providerId?: string; actor?: string; why?: string; at: string } }
  /** Waits without spending an attempt: channel paused, throttled, over the daily limit. `until` is business time. */
  | { type: 'NotificationDeferred'; data: { reason: DeferReason; until?: string; at: string } }
  /** `ECHEC_PERMANENT`. */
  | { type: 'NotificationGivenUp'; data: Failure & { notification: NotificationRef; attempts: number; at: string } }
  /** An email stands in for this WhatsApp message from now on; it can no longer be replayed. */
  | { type: 'NotificationReplaced'; data: { by: string; at: string } }
  /** A receipt: appended in whatever order they come, folded by rank. `attemptId` travelled in the callback's URL. */
  | { type: 'DeliveryReported'; data: { notification: NotificationRef; receiptId: string; providerId: string; attemptId?: string; delivery: Delivery; code?: string; text?: string; at: string } }
  /** The provider accepted it and never said what became of it. */
  | { type: 'ReceiptMissing'; data: { providerId: string; after: string; at: string } }
  /** An operator's decision; arms it again. */
  | { type: 'NotificationReplayed'; data: { replayId: string; actor: string; why: string; at: string } };

export type Verdict = 'sent' | 'not-sent' | 'held';
export type Evidence = 'receipt' | 'provider-list' | 'policy-resend' | 'policy-hold' | 'operator';
export type DeferReason = 'paused' | 'throttled' | 'rate' | 'daily-limit';

export const skipReasons = [
  'preference', 'no-address', 'quiet-hours', 'returned', 'cancelled', 'superseded', 'too-late', 'suppressed',
  'duplicate', 'forgotten', 'unknown-loan', 'unknown-borrower', 'grouped',
] as const;
export type SkipReason = (typeof skipReasons)[number];
