import type { Delivery, Status } from '@rappel/contracts';
import type { Fold, RecordedEvent } from '@rappel/event-store';
import type { DeferReason, Failure, Identity, NotificationEvent, SkipReason } from './events.ts';

/**
 * `ready` = to be attempted, now or from `waiting.until` on. `attempting` = a worker holds the lease. `unknown` = to be
 * settled by evidence. `held` = an operator decides. `accepted`, `given-up` and `skipped` ask for nothing more.
 */
export type Phase = 'absent' | 'ready' | 'attempting' | 'unknown' | 'held' | 'accepted' | 'given-up' | 'skipped';

export interface Attempt {
  readonly id: string;
  readonly number: number;
  /** Real time. */
  readonly leaseUntil: string;
  readonly startedAt: string;
  /** Set once its outcome is unknown. */
  readonly unknown?: 'provider' | 'crash';
}

/** A notification as its events tell it. */
export interface Notification {
  readonly phase: Phase;
  readonly identity?: Identity;
  readonly requested?: { readonly dueFrom: string; readonly validUntil?: string; readonly replaces?: string; readonly leader?: string; readonly members?: readonly string[]; readonly at: string };
  readonly attempt?: Attempt;
  /** Attempts that count (`nb_tentatives`). */
  readonly attempts: number;
  /** Of these, since it was last armed: what the retry policy looks at. */
  readonly sinceArmed: number;
  /** Attempts ever started, counted or not. */
  readonly started: number;
  /** Times it was sent again only because policy said so, without evidence. */
  readonly resends: number;
  readonly waiting?: { readonly reason: DeferReason | 'retry'; readonly until?: string };
  readonly error?: Failure;
  readonly skipped?: SkipReason;
  readonly providerId?: string;
  readonly sentAt?: string;
  readonly replacedBy?: string;
  readonly delivery?: Delivery;
  /** Provider's code of the worst receipt that had one; a later receipt without one never erases it. */
  readonly deliveryCode?: string;
  /** Attempts whose receipt came: proof that the provider took them. */
  readonly receipts: Readonly<Record<string, string>>;
  /** Attempts that were taken, never arrived and were replayed over: only a receipt that says the contrary proves anything of them. */
  readonly refuted: readonly string[];
  readonly receiptMissing: boolean;
}

const initial: Notification = { phase: 'absent', attempts: 0, sinceArmed: 0, started: 0, resends: 0, receipts: {}, refuted: [], receiptMissing: false };

/** Later in the life of a message wins, whatever order receipts come in; `delivered` after `failed` happens and wins. */
export const deliveryRank: Readonly<Record<Delivery, number>> = { queued: 1, sent: 2, undelivered: 3, failed: 4, delivered: 5, read: 6 };

/** What became of a message is known with it. */
export const isFinal = (delivery: Delivery): boolean => delivery !== 'queued' && delivery !== 'sent';

/** That a message arrived holds whichever attempt brought it; anything else is said of one attempt only. */
export const hasArrived = (delivery: Delivery | null | undefined): boolean => delivery === 'delivered' || delivery === 'read';

type Data<T extends NotificationEvent['type']> = Extract<NotificationEvent, { type: T }>['data'];

/** What every notification goes through, without a literal that begins with a spread: on Node 20 that makes a hidden class each time. */
const changed = (state: Notification, ...parts: readonly Partial<Notification>[]): Notification => Object.assign({}, state, ...parts) as Notification;

function requested(state: Notification, { dueFrom, validUntil, replaces, leader, members, at, ...identity }: Data<'NotificationRequested'>): Notification {
  return changed(state, { phase: 'ready', identity, requested: { dueFrom, validUntil, replaces, leader, members, at } });
}

function skipped(state: Notification, data: Data<'NotificationSkipped'>): Notification {
  const { reason, detail: _, at: __, ...identity } = data;
  return { ...state, phase: 'skipped', identity: state.identity ?? identity, skipped: reason, waiting: undefined };
}

function started(state: Notification, { attemptId: id, number, leaseUntil, at }: Data<'AttemptStarted'>): Notification {
  const attempt = { id, number, leaseUntil, startedAt: at };
  const said = hasArrived(state.delivery) ? {} : { delivery: undefined, deliveryCode: undefined };
  return changed(state, said, { phase: 'attempting', attempt, started: number, attempts: state.attempts + 1, sinceArmed: state.sinceArmed + 1, waiting: undefined });
}

const unspent = (state: Notification, spent: boolean): Pick<Notification, 'attempts' | 'sinceArmed'> =>
  ({ attempts: state.attempts - (spent ? 0 : 1), sinceArmed: state.sinceArmed - (spent ? 0 : 1) });

function accepted(state: Notification, { providerId, at }: { providerId?: string; at: string }): Notification {
  return changed(state, { phase: 'accepted', providerId: providerId ?? state.providerId, sentAt: state.sentAt ?? at, waiting: undefined, error: undefined });
}

function failed(state: Notification, data: Data<'AttemptFailed'>): Notification {
  const { attemptId, spent, retryAt, at: _, ...error } = data;
  if (state.attempt?.id !== attemptId || state.phase === 'accepted') return state;
  const reason = error.class === 'CONFIG' ? 'paused' : error.class === 'THROTTLE' ? 'throttled' : 'retry';
  return { ...state, ...unspent(state, spent), phase: 'ready', error, waiting: { reason, until: retryAt } };
}

function unknown(state: Notification, { attemptId, cause, text }: Data<'AttemptUnknown'>): Notification {
  if (state.attempt?.id !== attemptId || state.phase === 'accepted') return state;
  return { ...state, phase: 'unknown', attempt: { ...state.attempt, unknown: cause }, error: { class: 'UNKNOWN', text } };
}

function settled(state: Notification, { verdict, evidence, spent, providerId, at }: Data<'AttemptSettled'>): Notification {
  if (verdict === 'sent') return accepted(state, { providerId, at });
  if (state.phase === 'accepted') return state;
  if (verdict === 'held') return { ...state, phase: 'held' };
  return { ...state, ...unspent(state, spent), phase: 'ready', waiting: undefined, resends: state.resends + (evidence === 'policy-resend' ? 1 : 0) };
}

/** Of an attempt before the last one only that it arrived is news. */
export const isOutdated = (delivery: Delivery, attemptId: string | undefined, last: string | null | undefined): boolean =>
  !hasArrived(delivery) && Boolean(attemptId && last) && attemptId !== last;

function proven({ receipts, refuted }: Notification, { providerId, attemptId, delivery }: Data<'DeliveryReported'>): Notification['receipts'] {
  if (attemptId === undefined || (!hasArrived(delivery) && refuted.includes(attemptId))) return receipts;
  return { ...receipts, [attemptId]: providerId };
}

function reported(state: Notification, data: Data<'DeliveryReported'>): Notification {
  const { attemptId, delivery, code } = data;
  const receipts = proven(state, data);
  if (isOutdated(delivery, attemptId, state.attempt?.id)) return { ...state, receipts };
  const later = !state.delivery || deliveryRank[delivery] > deliveryRank[state.delivery];
  const worse = code !== undefined && (state.deliveryCode === undefined || code > state.deliveryCode);
  return {
    ...state,
    delivery: later ? delivery : state.delivery,
    deliveryCode: worse ? code : state.deliveryCode,
    receiptMissing: state.receiptMissing && !isFinal(delivery),
    receipts,
  };
}

function evolve(state: Notification, recorded: RecordedEvent): Notification {
  const event = recorded as unknown as NotificationEvent;
  switch (event.type) {
    case 'NotificationRequested': return requested(state, event.data);
    case 'NotificationSkipped': return skipped(state, event.data);
    case 'AttemptStarted': return started(state, event.data);
    case 'AttemptAccepted': return accepted(state, event.data);
    case 'AttemptFailed': return failed(state, event.data);
    case 'AttemptUnknown': return unknown(state, event.data);
    case 'AttemptSettled': return settled(state, event.data);
    case 'DeliveryReported': return reported(state, event.data);
    default: return evolveRest(state, event);
  }
}

function evolveRest(state: Notification, event: NotificationEvent): Notification {
  switch (event.type) {
    case 'NotificationDeferred': return { ...state, waiting: { reason: event.data.reason, until: event.data.until } };
    case 'NotificationGivenUp': return { ...state, phase: 'given-up', waiting: undefined, error: { class: event.data.class, code: event.data.code, text: event.data.text } };
    case 'NotificationReplaced': return { ...state, replacedBy: event.data.by };
    case 'ReceiptMissing': return { ...state, receiptMissing: true };
    case 'NotificationReplayed': return replayed(state);
    default: return state;
  }
}

/** One that was taken and never arrived is as if it had not been sent. */
function replayed(state: Notification): Notification {
  const armed = { ...state, phase: 'ready' as const, sinceArmed: 0, waiting: undefined };
  if (state.phase !== 'accepted') return armed;
  const refuted = [...state.refuted, ...Object.keys(state.receipts), ...(state.attempt ? [state.attempt.id] : [])];
  return { ...armed, receipts: {}, refuted, sentAt: undefined, providerId: undefined, receiptMissing: false };
}

export const notificationFold: Fold<Notification> = { initial, evolve };

/** The status RadGestMat knows. Undefined for what was skipped or never existed: nothing was to be sent. */
export function statusOf({ phase, error }: Notification): Status | undefined {
  switch (phase) {
    case 'absent':
    case 'skipped': return undefined;
    case 'accepted': return 'ENVOYEE';
    case 'given-up': return 'ECHEC_PERMANENT';
    default: return error && error.class !== 'UNKNOWN' ? 'ECHEC' : 'EN_ATTENTE';
  }
}
