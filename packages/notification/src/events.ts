import type { Channel, Delivery, ErrorClass, NotificationType } from '@rappel/contracts';

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

/**
 * What is stored in `notification-<id>`. `at` is business time. The recipient's address is in the first event's
 * `personal` part (`{ recipient }`), sealed under the borrower's key. No message body is ever stored.
 */
export type NotificationEvent =
  /** It shall be sent. `dueFrom` = the moment it was planned for; useless after `validUntil`. */
  | { type: 'NotificationRequested'; data: Identity & { dueFrom: string; validUntil?: string; replaces?: string; leader?: string; at: string } }
  /** It shall not be sent, and why. May be the first event or follow a request (loan returned meanwhile). */
  | { type: 'NotificationSkipped'; data: Identity & { reason: SkipReason; detail?: string; at: string } }
  /** Stored before any socket is touched. Nobody else may start one before `leaseUntil` (real time). */
  | { type: 'AttemptStarted'; data: { attemptId: string; number: number; leaseUntil: string; at: string } }
  /** The provider took it: `ENVOYEE`. `providerId` = Twilio SID or Message-ID. */
  | { type: 'AttemptAccepted'; data: { attemptId: string; providerId: string; at: string } }
  /** `retryAt` absent = not by itself. `spent` false = does not count as one of the attempts (throttled, paused). */
  | { type: 'AttemptFailed'; data: { attemptId: string; class: ErrorClass; code?: string; text: string; spent: boolean; retryAt?: string; at: string } }
  /** The process died or the line broke after the request may have been taken. */
  | { type: 'AttemptUnknown'; data: { attemptId: string; text: string; at: string } }
  /** Evidence: `receipt`, `provider-list`, `policy-resend`, `policy-hold`, `operator`. */
  | { type: 'AttemptSettled'; data: { attemptId: string; verdict: 'sent' | 'not-sent' | 'held'; evidence: string; providerId?: string; actor?: string; at: string } }
  /** Waits without spending an attempt: channel paused, throttled, over the daily limit, quiet hours. */
  | { type: 'NotificationDeferred'; data: { reason: string; until?: string; at: string } }
  /** `ECHEC_PERMANENT`. */
  | { type: 'NotificationGivenUp'; data: { class: ErrorClass; code?: string; text: string; at: string } }
  /** A receipt: appended in whatever order they come, folded by rank. */
  | { type: 'DeliveryReported'; data: { receiptId: string; providerId: string; delivery: Delivery; code?: string; text?: string; at: string } }
  /** An operator's decision; arms it again. */
  | { type: 'NotificationReplayed'; data: { replayId: string; actor: string; why: string; at: string } };

export const skipReasons = ['preference', 'no-address', 'quiet-hours', 'returned', 'cancelled', 'superseded', 'too-late', 'suppressed', 'duplicate', 'forgotten', 'unknown-loan', 'grouped'] as const;
export type SkipReason = (typeof skipReasons)[number];
