import type { Channel, NotificationRef } from '@rappel/contracts';
import type { MessageModel } from '@rappel/templates';
import type { Evidence, Failure } from './events.ts';

/** One message to hand to a provider, for one attempt. */
export interface Outgoing {
  /** The notification, or the leader of those told in one message. */
  readonly notificationId: string;
  /** What it is, without anything personal. */
  readonly about: NotificationRef;
  readonly attemptId: string;
  readonly borrowerId: string;
  /** What `address` made of the borrower's address. */
  readonly recipient: string;
  readonly model: MessageModel;
  /** Business seconds until the message is useless; absent = always useful. */
  readonly validFor?: number;
  /** True when a receipt is about several notifications. */
  readonly grouped: boolean;
}

export type SendResult =
  | { readonly kind: 'accepted'; readonly providerId: string }
  /** Certainly not taken. `retryAfterMs` is the provider's own word (real time). */
  | { readonly kind: 'failed'; readonly failure: Failure; readonly retryAfterMs?: number }
  /** May have been taken. */
  | { readonly kind: 'unknown'; readonly text: string };

/** An attempt whose outcome nobody knows. */
export interface UnknownAttempt {
  readonly outgoing: Outgoing;
  /** Real time before which it cannot have been sent. */
  readonly notBefore: string;
  /** Real milliseconds since it can no longer be under way. */
  readonly quietMs: number;
  /** Times it was sent again by mere policy. */
  readonly resends: number;
  /** What `fingerprint` said when the attempt began. */
  readonly fingerprint?: string;
}

export type Settlement =
  | { readonly kind: 'sent'; readonly evidence: Evidence; readonly providerId?: string }
  | { readonly kind: 'not-sent'; readonly evidence: Evidence }
  | { readonly kind: 'held'; readonly evidence: Evidence }
  /** Ask again after `afterMs` real milliseconds. */
  | { readonly kind: 'undecided'; readonly afterMs: number };

/** What a channel must be able to do. Everything else about delivering is shared. */
export interface Provider {
  readonly channel: Channel;
  /** Whether receipts tell what became of a message. */
  readonly receipts: boolean;
  /** The address as the provider wants it; undefined when it cannot be one. */
  address(raw: string): string | undefined;
  /** What a failed `address` is called in the log. */
  readonly invalidAddress: string;
  /**
   * Hands the message over, once. Never rejects: what is not certain is `unknown`. Ends within `sendTimeoutMs`. From `sendBefore`
   * on (real time, UTC ISO) others may have judged the attempt: looks at the clock as late as it can, and fails then.
   */
  send(outgoing: Outgoing, sendBefore: string): Promise<SendResult>;
  /** Real milliseconds that a send may take at most. */
  readonly sendTimeoutMs: number;
  /** A digest of the words, by which `settle` recognises the message though names or templates were changed since; undefined where it would not help. */
  fingerprint?(outgoing: Omit<Outgoing, 'recipient'>): string | undefined;
  /** Looks for evidence of what became of an attempt. Rejects when the evidence cannot be had now. */
  settle(attempt: UnknownAttempt): Promise<Settlement>;
}
