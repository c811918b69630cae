import type { Delivery } from '@rappel/contracts';
import { nextAttemptAt, type RetryPolicy } from './backoff.ts';
import { reactions } from './error-classes.ts';
import type { DeferReason, Evidence, Failure, Identity, NotificationEvent, SkipReason, Verdict } from './events.ts';
import type { Notification } from './notification.ts';

/** Facts about the request itself; the recipient is added as the event's personal part by whoever stores it. */
export interface Request {
  readonly identity: Identity;
  readonly dueFrom: string;
  readonly validUntil?: string;
  readonly replaces?: string;
  readonly leader?: string;
  readonly members?: readonly string[];
}

/** `at` is business time everywhere; `leaseUntil` is real time. */
export type NotificationCommand =
  | { type: 'Request'; request: Request; at: string }
  | { type: 'Skip'; identity: Identity; reason: SkipReason; detail?: string; at: string }
  | { type: 'StartAttempt'; attemptId: string; leaseUntil: string; at: string }
  | { type: 'RecordAccepted'; attemptId: string; providerId: string; at: string }
  /** `retryAt` is the provider's or the channel's own word on when to come back. */
  | { type: 'RecordFailed'; attemptId: string; failure: Failure; retry: RetryPolicy; retryAt?: string; at: string }
  | { type: 'RecordUnknown'; attemptId: string; cause: 'provider' | 'crash'; text: string; at: string }
  | { type: 'Settle'; attemptId: string; verdict: Verdict; evidence: Evidence; retry: RetryPolicy; providerId?: string; actor?: string; why?: string; at: string }
  | { type: 'Defer'; reason: DeferReason; until?: string; at: string }
  | { type: 'GiveUp'; failure: Failure; at: string }
  | { type: 'Replace'; by: string; at: string }
  | { type: 'ReportDelivery'; receiptId: string; providerId: string; attemptId?: string; delivery: Delivery; code?: string; text?: string; at: string }
  | { type: 'MissReceipt'; after: string; at: string }
  | { type: 'Replay'; replayId: string; actor: string; why: string; at: string };

export type RefusalCode = 'unknown-notification' | 'not-failed' | 'not-open' | 'replaced' | 'attempt-under-way';

/** What an operator asked for cannot be done. */
export class NotificationRefused extends Error {
  override readonly name = 'NotificationRefused';
  readonly code: RefusalCode;
  constructor(code: RefusalCode, detail: string, options?: ErrorOptions) {
    super(`${code}: ${detail}`, options);
    this.code = code;
  }
}
export const isNotificationRefused = (error: unknown): error is NotificationRefused => error instanceof Error && error.name === 'NotificationRefused';

type Of<T extends NotificationCommand['type']> = Extract<NotificationCommand, { type: T }>;
type Decide<T extends NotificationCommand['type']> = (command: Of<T>, state: Notification) => NotificationEvent[];

const request: Decide<'Request'> = ({ request: { identity, ...rest }, at }, { phase }) =>
  (phase === 'absent' ? [{ type: 'NotificationRequested', data: { ...identity, ...rest, at } }] : []);

const skip: Decide<'Skip'> = ({ identity, reason, detail, at }, { phase }) =>
  (phase === 'absent' || phase === 'ready' ? [{ type: 'NotificationSkipped', data: { ...identity, reason, detail, at } }] : []);

/** The id of an attempt that a receipt proves, though nobody recorded its outcome. */
export const provenAttempt = ({ phase, receipts }: Notification): string | undefined =>
  (phase === 'accepted' || phase === 'skipped' ? undefined : Object.keys(receipts)[0]);

const start: Decide<'StartAttempt'> = ({ attemptId, leaseUntil, at }, state) => {
  if (state.phase !== 'ready' || state.replacedBy || provenAttempt(state)) return [];
  return [{ type: 'AttemptStarted', data: { attemptId, number: state.started + 1, leaseUntil, at } }];
};

// A late success is a fact even when somebody else has gone on meanwhile: it ends the matter.
const accept: Decide<'RecordAccepted'> = ({ attemptId, providerId, at }, { phase, attempts }) =>
  (phase === 'accepted' ? [] : [{ type: 'AttemptAccepted', data: { attemptId, providerId, attempts: Math.max(1, attempts), at } }]);

const isCurrent = (state: Notification, attemptId: string): boolean =>
  state.attempt?.id === attemptId && (state.phase === 'attempting' || state.phase === 'unknown' || state.phase === 'held');

const fail: Decide<'RecordFailed'> = ({ attemptId, failure, retry, retryAt, at }, state) => {
  if (!isCurrent(state, attemptId)) return [];
  const reaction = reactions[failure.class];
  if (reaction.then === 'settle') return recordUnknown({ type: 'RecordUnknown', attemptId, cause: 'provider', text: failure.text, at }, state);
  const spent = reaction.spends === 'yes' || (reaction.spends === 'first' && state.attempts === 1);
  const again = reaction.then === 'retry' ? nextAttemptAt(retry, state.sinceArmed, at) : undefined;
  const final = reaction.then === 'give-up' || (reaction.then === 'retry' && again === undefined);
  const failed: NotificationEvent = { type: 'AttemptFailed', data: { attemptId, ...failure, spent, retryAt: final ? undefined : retryAt ?? again, at } };
  return final ? [failed, { type: 'NotificationGivenUp', data: { ...failure, attempts: state.attempts, at } }] : [failed];
};

const recordUnknown: Decide<'RecordUnknown'> = ({ attemptId, cause, text, at }, state) =>
  (state.phase === 'attempting' && state.attempt?.id === attemptId ? [{ type: 'AttemptUnknown', data: { attemptId, cause, text, at } }] : []);

/**
 * Not sent: it is armed again. A crash that demonstrably sent nothing costs no attempt; whatever the provider or mere policy
 * had a hand in does, and the last one ends it.
 */
const settle: Decide<'Settle'> = ({ attemptId, verdict, evidence, retry, providerId, actor, why, at }, state) => {
  const proven = verdict === 'sent' && state.receipts[attemptId] !== undefined && state.phase !== 'accepted';
  if (!proven && (!isCurrent(state, attemptId) || state.phase === 'attempting')) return [];
  if (verdict === 'held' && state.phase === 'held') return [];
  const spent = verdict !== 'not-sent' || state.attempt?.unknown === 'provider' || evidence === 'policy-resend';
  const attempts = state.attempts - (spent ? 0 : 1);
  const settled: NotificationEvent = { type: 'AttemptSettled', data: { attemptId, verdict, evidence, spent, attempts, providerId, actor, why, at } };
  if (verdict !== 'not-sent' || !spent || state.sinceArmed < retry.attempts) return [settled];
  const text = state.error?.text ?? 'the outcome of the last attempt is unknown';
  return [settled, { type: 'NotificationGivenUp', data: { class: 'UNKNOWN', text, attempts, at } }];
};

const defer: Decide<'Defer'> = ({ reason, until, at }, { phase, waiting }) =>
  (phase !== 'ready' || (waiting?.reason === reason && until === undefined) ? [] : [{ type: 'NotificationDeferred', data: { reason, until, at } }]);

const giveUp: Decide<'GiveUp'> = ({ failure, at }, { phase, attempts }) =>
  (phase === 'ready' ? [{ type: 'NotificationGivenUp', data: { ...failure, attempts, at } }] : []);

const replace: Decide<'Replace'> = ({ by, at }, { phase, replacedBy, delivery }) => {
  const undelivered = phase === 'accepted' && (delivery === 'failed' || delivery === 'undelivered');
  return !replacedBy && (phase === 'given-up' || undelivered) ? [{ type: 'NotificationReplaced', data: { by, at } }] : [];
};

const report: Decide<'ReportDelivery'> = ({ type: _, ...data }, { phase }) => (phase === 'absent' ? [] : [{ type: 'DeliveryReported', data }]);

const miss: Decide<'MissReceipt'> = ({ after, at }, { phase, delivery, providerId, receiptMissing }) =>
  (phase === 'accepted' && !receiptMissing && (!delivery || delivery === 'queued' || delivery === 'sent')
    ? [{ type: 'ReceiptMissing', data: { providerId: providerId ?? '', after, at } }] : []);

const replay: Decide<'Replay'> = ({ type: _, ...data }, { phase, replacedBy }) => {
  if (phase === 'absent') throw new NotificationRefused('unknown-notification', 'there is no such notification');
  if (replacedBy) throw new NotificationRefused('replaced', `the email notification ${replacedBy} stands in for it`);
  if (phase !== 'given-up') throw new NotificationRefused('not-failed', `it is ${phase}`);
  return [{ type: 'NotificationReplayed', data }];
};

const deciders: { [T in NotificationCommand['type']]: Decide<T> } = {
  Request: request, Skip: skip, StartAttempt: start, RecordAccepted: accept, RecordFailed: fail, RecordUnknown: recordUnknown,
  Settle: settle, Defer: defer, GiveUp: giveUp, Replace: replace, ReportDelivery: report, MissReceipt: miss, Replay: replay,
};

/** What a command makes of a notification. Empty = nothing happens: it was done before, or has been overtaken. */
export function decide(command: NotificationCommand, state: Notification): NotificationEvent[] {
  return (deciders[command.type] as Decide<never>)(command as never, state);
}
