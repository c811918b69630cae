import { Channel, deliveries, ErrorClass, NotificationType, type Delivery, type Status } from '@rappel/contracts';
import type { Personal, RecordedEvent } from '@rappel/event-store';
import { deliveryRank, hasArrived, isFinal, isOutdated, notificationStream, type Identity, type NotificationEvent, type Phase } from '@rappel/notification';

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
  /** Where it stands for the machinery behind `status`: `ready`, `attempting`, `unknown` and `held` are still open. */
  phase: Phase;
  /** Id of the last attempt started. */
  attemptId: string | null;
  /** Attempts that count: one that was throttled or met a paused channel is not spent. */
  attempts: number;
  errorClass: ErrorClass | null;
  errorCode: string | null;
  errorText: string | null;
  delivery: Delivery | null;
  /** Provider's code and text of a receipt that had one; a later receipt without them never erases them. */
  deliveryCode: string | null;
  deliveryText: string | null;
  /** The provider never said what became of it. */
  receiptMissing: boolean;
  providerId: string | null;
  skipReason: string | null;
  skipDetail: string | null;
  /** Why a `ready` one is not attempted at once: `retry`, `paused`, `throttled`, `rate`, `daily-limit`. */
  waitingFor: string | null;
  waitingUntil: string | null;
  /** The notification that this one stands in for (fallback on another channel). */
  replaces: string | null;
  replacedBy: string | null;
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
export const foldRow = (row: LogRow | undefined, recorded: RecordedEvent): LogRow =>
  (row && recorded.version <= row.version ? row : advance(row && { ...row }, recorded));

/** The same for a row that nobody else holds, which is changed in place; untouched when it throws. */
export function advance(row: LogRow | undefined, recorded: RecordedEvent): LogRow {
  const done = row?.version ?? 0;
  if (recorded.version !== done + 1) throw new PoisonEvent(`version ${recorded.version} follows ${done}: events are missing`);
  const event = recorded as unknown as NotificationEvent;
  if (event.data === null || typeof event.data !== 'object') throw new PoisonEvent('data is not an object');
  const next = row ?? first(event, recorded);
  Object.assign(next, ...change(next, event));
  next.version = recorded.version;
  next.lastEventId = recorded.id;
  next.updatedAt = recorded.recordedAt;
  return next;
}

function first(event: NotificationEvent, recorded: RecordedEvent): LogRow {
  if (event.type !== 'NotificationRequested' && event.type !== 'NotificationSkipped') throw new PoisonEvent(`${event.type} cannot open a notification`);
  return blank(identity(event.data, recorded.stream), instant(event.data.at, 'at'), recorded.personal ?? null);
}

function identity(data: Identity, stream: string) {
  if (data.notificationId !== notificationIdOf(stream)) throw new PoisonEvent('notificationId is not the UUID in the name of the stream');
  return {
    notificationId: data.notificationId,
    attributionId: text(data.attributionId, 'attributionId'),
    borrowerId: text(data.borrowerId, 'borrowerId'),
    department: maybeText(data.department),
    type: known(NotificationType.options, data.type, 'type'),
    channel: known(Channel.options, data.channel, 'channel'),
    dueVersion: whole(data.dueVersion, 'dueVersion'),
    occurrence: whole(data.occurrence, 'occurrence'),
  };
}

type Change = Partial<LogRow>;
type Of<T extends NotificationEvent['type']> = Extract<NotificationEvent, { type: T }>['data'];

function change(row: LogRow, event: NotificationEvent): readonly Change[] {
  const reduce = changes[event.type] as ((row: LogRow, data: NotificationEvent['data']) => readonly Change[]) | undefined;
  if (!reduce) throw new PoisonEvent(`unknown event type ${String(event.type)}`);
  return reduce(row, event.data);
}

const idle = { waitingFor: null, waitingUntil: null } as const;
const nothingSaid = { delivery: null, deliveryCode: null, deliveryText: null } as const;
const noError = { errorClass: null, errorCode: null, errorText: null } as const;

const unchanged: readonly Change[] = [];

// The same rules as the decider's own fold, so the two never tell different stories; a test compares them. In parts, the later over
// the earlier: a literal that begins with a spread is slow on Node 20, see infra/decisions/throughput.md.
const changes: { [T in NotificationEvent['type']]: (row: LogRow, data: Of<T>) => readonly Change[] } = {
  NotificationRequested: (row, data) => [open(row, 'ready'), {
    dueAt: instant(data.dueFrom, 'dueFrom'),
    validUntil: maybeInstant(data.validUntil, 'validUntil'),
    replaces: maybeId(data.replaces, 'replaces'),
    leader: maybeId(data.leader, 'leader'),
  }],
  NotificationSkipped: (_, data) => [idle, {
    phase: 'skipped', status: null, skipReason: text(data.reason, 'reason'), skipDetail: maybeText(data.detail), skippedAt: instant(data.at, 'at'),
  }],
  AttemptStarted: (row, data) => [idle, open(row, 'attempting'), hasArrived(row.delivery) ? {} : nothingSaid, {
    attemptId: text(data.attemptId, 'attemptId'), attempts: row.attempts + 1, attemptedAt: instant(data.at, 'at'),
  }],
  AttemptAccepted: (row, data) => sent(row, data),
  AttemptFailed: (row, data) => {
    if (overtaken(row, data)) return unchanged;
    const said = error(data);
    const attempts = row.attempts - (data.spent ? 0 : 1);
    return [open(said, 'ready'), said, { attempts, waitingFor: waits[data.class] ?? 'retry', waitingUntil: maybeInstant(data.retryAt, 'retryAt') }];
  },
  AttemptUnknown: (row, data) => (overtaken(row, data) ? unchanged : [error({ class: 'UNKNOWN', text: data.text }), { phase: 'unknown', status: 'EN_ATTENTE' }]),
  AttemptSettled: (row, data) => {
    if (data.verdict === 'sent') return sent(row, data);
    if (row.phase === 'accepted') return unchanged;
    if (data.verdict === 'held') return [open(row, 'held')];
    return [idle, open(row, 'ready'), { attempts: row.attempts - (data.spent ? 0 : 1) }];
  },
  NotificationDeferred: (_, data) => [{ waitingFor: text(data.reason, 'reason'), waitingUntil: maybeInstant(data.until, 'until') }],
  NotificationGivenUp: (_, data) => [idle, error(data), { phase: 'given-up', status: 'ECHEC_PERMANENT', givenUpAt: instant(data.at, 'at') }],
  NotificationReplaced: (_, data) => [{ replacedBy: maybeId(data.by, 'by') }],
  DeliveryReported: (row, data) => reported(row, data),
  ReceiptMissing: () => [{ receiptMissing: true }],
  NotificationReplayed: (row) => [idle, open(row, 'ready'), { replays: row.replays + 1, givenUpAt: null },
    row.phase === 'accepted' ? { sentAt: null, providerId: null, receiptMissing: false } : {}],
};

const waits: Partial<Record<ErrorClass, string>> = { CONFIG: 'paused', THROTTLE: 'throttled' };

/** Another attempt was started since, or it was accepted: what an older attempt says no longer counts. */
const overtaken = (row: LogRow, { attemptId }: { attemptId: string }): boolean => row.attemptId !== attemptId || row.phase === 'accepted';

const open = ({ errorClass }: Pick<LogRow, 'errorClass'>, phase: Phase): Pick<LogRow, 'phase' | 'status'> =>
  ({ phase, status: errorClass && errorClass !== 'UNKNOWN' ? 'ECHEC' : 'EN_ATTENTE' });

const sent = (row: LogRow, { providerId, at }: { providerId?: string; at: string }): readonly Change[] => [idle, noError, {
  phase: 'accepted', status: 'ENVOYEE', providerId: providerId ?? row.providerId, sentAt: row.sentAt ?? instant(at, 'at'), givenUpAt: null,
}];

const error = (data: { class: ErrorClass; code?: string; text: string }): Pick<LogRow, 'errorClass' | 'errorCode' | 'errorText'> => ({
  errorClass: known(ErrorClass.options, data.class, 'class'), errorCode: maybeText(data.code), errorText: clean(data.text),
});

/** Receipts come late, twice and out of order: the highest rank stands, and `delivered` beats an earlier failure. */
function reported(row: LogRow, data: Of<'DeliveryReported'>): readonly Change[] {
  const delivery = known(deliveries, data.delivery, 'delivery');
  const at = instant(data.at, 'at');
  if (isOutdated(delivery, data.attemptId, row.attemptId)) return unchanged;
  const worse = data.code !== undefined && (row.deliveryCode === null || data.code > row.deliveryCode);
  return [
    {
      delivery: row.delivery && deliveryRank[row.delivery] >= deliveryRank[delivery] ? row.delivery : delivery,
      receiptMissing: row.receiptMissing && !isFinal(delivery),
    },
    delivery === 'delivered' ? { deliveredAt: earliest(row.deliveredAt, at) } : {},
    delivery === 'read' ? { readAt: earliest(row.readAt, at) } : {},
    worse ? { deliveryCode: maybeText(data.code), deliveryText: maybeText(data.text) } : {},
  ];
}

const earliest = (a: string | null, b: string): string => (a !== null && a <= b ? a : b);

// One literal that names every field: V8 keeps such rows small; put together from parts of this size they become hash tables, five times slower.
const blank = ({ notificationId, attributionId, borrowerId, department, type, channel, dueVersion, occurrence }: ReturnType<typeof identity>, requestedAt: string, recipient: Personal | null): LogRow => ({
  notificationId, attributionId, borrowerId, department, type, channel, dueVersion, occurrence,
  status: null, phase: 'absent', attemptId: null, attempts: 0, errorClass: null, errorCode: null, errorText: null, delivery: null, deliveryCode: null, deliveryText: null,
  receiptMissing: false, providerId: null, skipReason: null, skipDetail: null, waitingFor: null, waitingUntil: null, replaces: null, replacedBy: null, leader: null,
  replays: 0, requestedAt, dueAt: null, validUntil: null, attemptedAt: null, sentAt: null, deliveredAt: null, readAt: null, givenUpAt: null, skippedAt: null,
  recipient, version: 0, lastEventId: '', updatedAt: '',
});

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

const iso = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
function instant(value: unknown, field: string): string {
  const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(ms)) throw new PoisonEvent(`${field} is not an instant`);
  const given = value as string;
  return iso.test(given) ? given : new Date(ms).toISOString();
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
const maybeText = (value: unknown): string | null => (value === undefined || value === null ? null : clean(value));
const clean = (value: unknown): string => String(value).replaceAll('\u0000', '').slice(0, 2000);
