import { Channel, deliveries, NotificationType, type Delivery, type ErrorClass, type Status } from '@rappel/contracts';
import type { Personal, RecordedEvent } from '@rappel/event-store';
import { notificationStream, type Identity, type NotificationEvent } from '@rappel/notification';

/**
 * One notification as the log shows it: a pure function of the events of `notification-<id>`.
 * Instants are UTC ISO strings of business time. `recipient` stays sealed; only the API opens it, per reader.
 */
export interface LogRow {
  notificationId: string;
  attributionId: string;
  borrowerId: string;
  department: string | null;
  type: NotificationType;
  channel: Channel;
  dueVersion: number;
  occurrence: number;
  /** Null for what was skipped: it neither waits nor failed nor went out. */
  status: Status | null;
  /** Attempts that count: one that was throttled or met a paused channel is not spent. */
  attempts: number;
  errorClass: ErrorClass | null;
  errorCode: string | null;
  errorText: string | null;
  delivery: Delivery | null;
  providerId: string | null;
  skipReason: string | null;
  skipDetail: string | null;
  /** What it waits for: `attempt`, `retry`, `unknown`, `held`, or the reason of its deferral. Null when it waits for nothing. */
  waitingFor: string | null;
  waitingUntil: string | null;
  /** The notification that this one stands in for (fallback on another channel). */
  replaces: string | null;
  /** The notification whose message told this one too (several loans in one message). */
  leader: string | null;
  replays: number;
  requestedAt: string;
  dueAt: string | null;
  validUntil: string | null;
  attemptedAt: string | null;
  sentAt: string | null;
  deliveredAt: string | null;
  readAt: string | null;
  givenUpAt: string | null;
  skippedAt: string | null;
  recipient: Personal | null;
  /** Version of the last event folded in: the number of events behind this row. */
  version: number;
  lastEventId: string;
  /** When the store took the last event (real time). */
  updatedAt: string;
}

/** The event cannot be understood: it is set aside, nothing else stops. */
export class PoisonEvent extends Error {
  override readonly name = 'PoisonEvent';
  readonly code = 'poison-event';
}

/**
 * Folds one event into its notification's row. Events already folded in change nothing.
 * Throws `PoisonEvent` for an event that cannot be understood or that comes after a gap.
 */
export function foldRow(row: LogRow | undefined, recorded: RecordedEvent): LogRow {
  const done = row?.version ?? 0;
  if (recorded.version <= done) return row!;
  if (recorded.version !== done + 1) throw new PoisonEvent(`version ${recorded.version} follows ${done}: events are missing`);
  const event = recorded as unknown as NotificationEvent;
  if (event.data === null || typeof event.data !== 'object') throw new PoisonEvent('data is not an object');
  const next = row ? { ...row, ...change(row, event) } : first(event, recorded);
  next.version = recorded.version;
  next.lastEventId = recorded.id;
  next.updatedAt = instant(recorded.recordedAt, 'recordedAt');
  return next;
}

function first(event: NotificationEvent, recorded: RecordedEvent): LogRow {
  if (event.type !== 'NotificationRequested' && event.type !== 'NotificationSkipped') throw new PoisonEvent(`${event.type} cannot open a notification`);
  const row: LogRow = { ...blank, ...identity(event.data, recorded.stream), requestedAt: instant(event.data.at, 'at'), recipient: recorded.personal ?? null };
  return { ...row, ...change(row, event) };
}

function identity(data: Identity, stream: string) {
  if (data.notificationId !== notificationIdOf(stream)) throw new PoisonEvent('notificationId is not the UUID in the name of the stream');
  return {
    notificationId: data.notificationId,
    attributionId: text(data.attributionId, 'attributionId'),
    borrowerId: text(data.borrowerId, 'borrowerId'),
    department: data.department ?? null,
    type: known(NotificationType.options, data.type, 'type'),
    channel: known(Channel.options, data.channel, 'channel'),
    dueVersion: whole(data.dueVersion, 'dueVersion'),
    occurrence: whole(data.occurrence, 'occurrence'),
  };
}

type Change = Partial<LogRow>;
type Of<T extends NotificationEvent['type']> = Extract<NotificationEvent, { type: T }>['data'];

function change(row: LogRow, event: NotificationEvent): Change {
  const reduce = changes[event.type] as ((row: LogRow, data: NotificationEvent['data']) => Change) | undefined;
  if (!reduce) throw new PoisonEvent(`unknown event type ${String(event.type)}`);
  return reduce(row, event.data);
}

const settled = { waitingFor: null, waitingUntil: null } as const;
const noError = { errorClass: null, errorCode: null, errorText: null } as const;

const changes: { [T in NotificationEvent['type']]: (row: LogRow, data: Of<T>) => Change } = {
  NotificationRequested: (row, data) => ({
    status: row.status ?? 'EN_ATTENTE',
    dueAt: instant(data.dueFrom, 'dueFrom'),
    validUntil: maybeInstant(data.validUntil, 'validUntil'),
    replaces: maybeId(data.replaces, 'replaces'),
    leader: maybeId(data.leader, 'leader'),
    waitingFor: 'attempt',
  }),
  NotificationSkipped: (_, data) => ({
    ...settled, status: null, skipReason: text(data.reason, 'reason'), skipDetail: data.detail ?? null, skippedAt: instant(data.at, 'at'),
  }),
  AttemptStarted: (row, data) => ({ attempts: row.attempts + 1, attemptedAt: instant(data.at, 'at'), waitingFor: 'outcome', waitingUntil: null }),
  AttemptAccepted: (row, data) => sent(row, data.providerId, data.at),
  AttemptFailed: (row, data) => ({
    ...error(data),
    attempts: data.spent ? row.attempts : row.attempts - 1,
    status: data.spent ? 'ECHEC' : row.status,
    waitingFor: 'retry',
    waitingUntil: maybeInstant(data.retryAt, 'retryAt'),
  }),
  AttemptUnknown: (_, data) => ({ errorClass: 'UNKNOWN', errorCode: null, errorText: clean(data.text), waitingFor: 'unknown', waitingUntil: null }),
  AttemptSettled: (row, data) => {
    if (data.verdict === 'sent') return sent(row, data.providerId ?? row.providerId, data.at);
    return data.verdict === 'held' ? { waitingFor: 'held', waitingUntil: null } : { status: 'ECHEC', waitingFor: 'retry', waitingUntil: null };
  },
  NotificationDeferred: (_, data) => ({ waitingFor: text(data.reason, 'reason'), waitingUntil: maybeInstant(data.until, 'until') }),
  NotificationGivenUp: (_, data) => ({ ...settled, ...error(data), status: 'ECHEC_PERMANENT', givenUpAt: instant(data.at, 'at') }),
  DeliveryReported: (row, data) => reported(row, data),
  NotificationReplayed: (row) => ({
    status: 'EN_ATTENTE', waitingFor: 'attempt', waitingUntil: null, replays: row.replays + 1, givenUpAt: null, skipReason: null, skipDetail: null, skippedAt: null,
  }),
};

const sent = (row: LogRow, providerId: string | null, at: string): Change => ({
  ...settled, ...noError, status: 'ENVOYEE', providerId, sentAt: row.sentAt ?? instant(at, 'at'), givenUpAt: null,
});

const error = (data: { class: ErrorClass; code?: string; text: string }): Change => ({
  errorClass: text(data.class, 'class') as ErrorClass, errorCode: data.code ?? null, errorText: clean(data.text),
});

/** Receipts come late, twice and out of order: the highest rank stands, and `delivered` beats an earlier failure. */
const rank: readonly Delivery[] = ['queued', 'sent', 'failed', 'undelivered', 'delivered', 'read'];

function reported(row: LogRow, data: Of<'DeliveryReported'>): Change {
  const delivery = known(deliveries, data.delivery, 'delivery');
  const at = instant(data.at, 'at');
  return {
    delivery: row.delivery && rank.indexOf(row.delivery) >= rank.indexOf(delivery) ? row.delivery : delivery,
    providerId: row.providerId ?? data.providerId,
    ...(delivery === 'delivered' && { deliveredAt: earliest(row.deliveredAt, at) }),
    ...(delivery === 'read' && { readAt: earliest(row.readAt, at) }),
    ...(data.code && { errorCode: data.code, errorText: data.text ? clean(data.text) : row.errorText }),
  };
}

const earliest = (a: string | null, b: string): string => (a !== null && a <= b ? a : b);

const blank: Omit<LogRow, keyof Identity | 'requestedAt' | 'recipient'> = {
  status: null, attempts: 0, ...noError, delivery: null, providerId: null, skipReason: null, skipDetail: null, ...settled,
  replaces: null, leader: null, replays: 0, dueAt: null, validUntil: null, attemptedAt: null, sentAt: null,
  deliveredAt: null, readAt: null, givenUpAt: null, skippedAt: null, version: 0, lastEventId: '', updatedAt: '',
};

function text(value: unknown, field: string): string {
  if (typeof value !== 'string' || value === '') throw new PoisonEvent(`${field} is not a text`);
  return value;
}

function whole(value: unknown, field: string): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || Math.abs(value) > 1_000_000_000) throw new PoisonEvent(`${field} is not a whole number`);
  return value;
}

function known<T extends string>(values: readonly T[], value: unknown, field: string): T {
  if (!values.includes(value as T)) throw new PoisonEvent(`${field} ${JSON.stringify(value)?.slice(0, 50)} is not known`);
  return value as T;
}

function instant(value: unknown, field: string): string {
  const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(ms)) throw new PoisonEvent(`${field} is not an instant`);
  return new Date(ms).toISOString();
}
const maybeInstant = (value: unknown, field: string) => (value === undefined || value === null ? null : instant(value, field));

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const prefix = notificationStream('');
/** The id in a notification stream's name; undefined when it is not a UUID. */
export function notificationIdOf(stream: string): string | undefined {
  const id = stream.slice(prefix.length);
  return uuid.test(id) ? id : undefined;
}
function maybeId(value: unknown, field: string): string | null {
  if (value === undefined || value === null) return null;
  if (typeof value !== 'string' || !uuid.test(value)) throw new PoisonEvent(`${field} is not a UUID`);
  return value;
}

// PostgreSQL text holds no NUL, and an error page of a provider has no place in a table.
const clean = (value: unknown): string => String(value).replaceAll('\u0000', '').slice(0, 2000);
