import type { Delivery, NotificationRef } from '@rappel/contracts';
import { nextAttemptAt, type RetryPolicy } from './backoff.ts';
import { reactions, twilioCodes } from './error-classes.ts';
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

/** What announced events say of the notification they are about. */
function refOf({ identity }: Notification): NotificationRef {
  const { department: _, ...ref } = identity!;
  return ref;
}

const request: Decide<'Request'> = ({ request: { identity, ...rest }, at }, { phase }) =>
  (phase === 'absent' ? [{ type: 'NotificationRequested', data: { at, ...identity, ...rest } }] : []);

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
const accept: Decide<'RecordAccepted'> = ({ attemptId, providerId, at }, state) =>
  (state.phase === 'accepted' ? [] : [{ type: 'AttemptAccepted', data: { notification: refOf(state), attemptId, providerId, attempts: Math.max(1, state.attempts), at } }]);

const isCurrent = (state: Notification, attemptId: string): boolean =>
  state.attempt?.id === attemptId && (state.phase === 'attempting' || state.phase === 'unknown' || state.phase === 'held');

const fail: Decide<'RecordFailed'> = ({ attemptId, failure, retry, retryAt, at }, state) => {
  if (!isCurrent(state, attemptId)) return [];
  const { next, spends } = reactions[failure.class];
  if (next === 'settle') return recordUnknown({ type: 'RecordUnknown', attemptId, cause: 'provider', text: failure.text, at }, state);
  const spent = spends === 'yes' || (spends === 'first' && state.attempts === 1);
  const again = next === 'retry' ? nextAttemptAt(retry, state.sinceArmed, at) : undefined;
  const failed = (until?: string): NotificationEvent => ({ type: 'AttemptFailed', data: { attemptId, ...failure, spent, retryAt: until, at } });
  if (next === 'wait' || again) return [failed(retryAt ?? again)];
  return [failed(), { type: 'NotificationGivenUp', data: { notification: refOf(state), ...failure, attempts: state.attempts, at } }];
};

const recordUnknown: Decide<'RecordUnknown'> = ({ attemptId, cause, text, at }, state) =>
  (state.phase === 'attempting' && state.attempt?.id === attemptId ? [{ type: 'AttemptUnknown', data: { attemptId, cause, text, at } }] : []);

const mayBeSettled = (state: Notification, { attemptId, verdict }: Of<'Settle'>): boolean => {
  if (verdict === 'sent' && state.receipts[attemptId] !== undefined) return state.phase !== 'accepted';
  return isCurrent(state, attemptId) && state.phase !== 'attempting' && !(verdict === 'held' && state.phase === 'held');
};

const textOf = ({ error }: Notification): string => error?.text ?? 'the outcome of the last attempt is unknown';

/**
 * Not sent: it is armed again. A crash that demonstrably sent nothing costs no attempt; whatever the provider or mere policy
 * had a hand in does, and the last one ends it.
 */
const settle: Decide<'Settle'> = (command, state) => {
  if (!mayBeSettled(state, command)) return [];
  const { type: _, retry, ...settlement } = command;
  const { verdict, evidence, at } = settlement;
  const free = verdict === 'not-sent' && state.attempt?.unknown === 'crash' && evidence !== 'policy-resend';
  const spent = !free;
  const attempts = state.attempts - (spent ? 0 : 1);
  const settled: NotificationEvent = { type: 'AttemptSettled', data: { notification: refOf(state), ...settlement, spent, attempts } };
  if (verdict !== 'not-sent' || free || state.sinceArmed < retry.attempts) return [settled];
  return [settled, { type: 'NotificationGivenUp', data: { notification: refOf(state), class: 'UNKNOWN', text: textOf(state), attempts, at } }];
};

const defer: Decide<'Defer'> = ({ reason, until, at }, { phase, waiting }) =>
  (phase !== 'ready' || (waiting?.reason === reason && until === undefined) ? [] : [{ type: 'NotificationDeferred', data: { reason, until, at } }]);

const giveUp: Decide<'GiveUp'> = ({ failure, at }, state) =>
  (state.phase === 'ready' ? [{ type: 'NotificationGivenUp', data: { notification: refOf(state), ...failure, attempts: state.attempts, at } }] : []);

const replace: Decide<'Replace'> = ({ by, at }, { phase, replacedBy, delivery }) => {
  const undelivered = phase === 'accepted' && (delivery === 'failed' || delivery === 'undelivered');
  return !replacedBy && (phase === 'given-up' || undelivered) ? [{ type: 'NotificationReplaced', data: { by, at } }] : [];
};

const report: Decide<'ReportDelivery'> = (command, state) => {
  const { type: _, ...data } = command;
  return state.phase === 'absent' ? [] : [{ type: 'DeliveryReported', data: { notification: refOf(state), ...data } }];
};

const miss: Decide<'MissReceipt'> = ({ after, at }, { phase, delivery, providerId, receiptMissing }) =>
  (phase === 'accepted' && !receiptMissing && (!delivery || delivery === 'queued' || delivery === 'sent')
    ? [{ type: 'ReceiptMissing', data: { providerId: providerId ?? '', after, at } }] : []);

/** What went wrong with a notification that an operator may have sent again: it was given up, or a receipt says that it never arrived. */
export function replayableFailure({ phase, error, delivery, deliveryCode }: Notification): Partial<Failure> | undefined {
  if (phase === 'given-up') return error ?? {};
  const failed = phase === 'accepted' && (delivery === 'failed' || delivery === 'undelivered');
  const errorClass = failed && deliveryCode !== undefined ? twilioCodes.get(deliveryCode) : undefined;
  return errorClass && reactions[errorClass].neverArrived ? { class: errorClass, code: deliveryCode } : undefined;
}

const replay: Decide<'Replay'> = (command, state) => {
  const { type: _, ...data } = command;
  const { phase, replacedBy } = state;
  if (phase === 'absent') throw new NotificationRefused('unknown-notification', 'there is no such notification');
  if (replacedBy) throw new NotificationRefused('replaced', `the email notification ${replacedBy} stands in for it`);
  if (!replayableFailure(state)) throw new NotificationRefused('not-failed', `it is ${phase}`);
  return [{ type: 'NotificationReplayed', data }];
};

const deciders: { [T in NotificationCommand['type']]: Decide<T> } = {
  Request: request, Skip: skip, StartAttempt: start, RecordAccepted: accept, RecordFailed: fail, RecordUnknown: recordUnknown,
  Settle: settle, Defer: defer, GiveUp: giveUp, Replace: replace, ReportDelivery: report, MissReceipt: miss, Replay: replay,
};

/** What a command makes of a notification. Empty = nothing happens: it was done before, or has been overtaken. */
export function decide(command: NotificationCommand, state: Notification): NotificationEvent[] {
  return (deciders[command.type] as (command: NotificationCommand, state: Notification) => NotificationEvent[])(command, state);
}
