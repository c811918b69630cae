import type { Pool } from '@rappel/postgres';
import type { LogRow } from './row.ts';
import type { Fact } from './tally.ts';

/** Raise it when the fold or the tables change meaning: services then rebuild before they follow. */
export const PROJECTION = { name: 'notification-log', version: 5 } as const;

/** Where the log lives. A rebuild fills a schema of its own and moves its tables over in one transaction. */
export const LIVE = 'log';

/** Categories of the streams that the log is folded from: notifications, and what the retention job recorded. */
export const CATEGORIES = ['notification', 'retention'] as const;

type Columns<T> = { readonly [K in keyof T]-?: { column: string; type: string } };
const column = (name: string, type: string) => ({ column: name, type });

export const rowColumns: Columns<LogRow> = {
  notificationId: column('notification_id', 'uuid'),
  attributionId: column('attribution_id', 'text'),
  borrowerId: column('borrower_id', 'text'),
  department: column('department', 'text'),
  type: column('type', 'text'),
  channel: column('channel', 'text'),
  dueVersion: column('due_version', 'int'),
  occurrence: column('occurrence', 'int'),
  status: column('status', 'text'),
  phase: column('phase', 'text'),
  attemptId: column('attempt_id', 'text'),
  attempts: column('attempts', 'int'),
  errorClass: column('error_class', 'text'),
  errorCode: column('error_code', 'text'),
  errorText: column('error_text', 'text'),
  delivery: column('delivery', 'text'),
  deliveryCode: column('delivery_code', 'text'),
  deliveryText: column('delivery_text', 'text'),
  receiptMissing: column('receipt_missing', 'boolean'),
  providerId: column('provider_id', 'text'),
  skipReason: column('skip_reason', 'text'),
  skipDetail: column('skip_detail', 'text'),
  waitingFor: column('waiting_for', 'text'),
  waitingUntil: column('waiting_until', 'timestamptz'),
  replaces: column('replaces', 'uuid'),
  replacedBy: column('replaced_by', 'uuid'),
  leader: column('leader', 'uuid'),
  replays: column('replays', 'int'),
  requestedAt: column('requested_at', 'timestamptz'),
  dueAt: column('due_at', 'timestamptz'),
  validUntil: column('valid_until', 'timestamptz'),
  attemptedAt: column('attempted_at', 'timestamptz'),
  sentAt: column('sent_at', 'timestamptz'),
  deliveredAt: column('delivered_at', 'timestamptz'),
  readAt: column('read_at', 'timestamptz'),
  givenUpAt: column('given_up_at', 'timestamptz'),
  skippedAt: column('skipped_at', 'timestamptz'),
  recipient: column('recipient', 'jsonb'),
  version: column('version', 'int'),
  lastEventId: column('last_event_id', 'uuid'),
  updatedAt: column('updated_at', 'timestamptz'),
};

export const factColumns: Columns<Fact & { n: number }> = {
  measure: column('measure', 'text'),
  grain: column('grain', 'text'),
  at: column('at', 'timestamptz'),
  type: column('type', 'text'),
  channel: column('channel', 'text'),
  department: column('department', 'text'),
  value: column('value', 'text'),
  n: column('n', 'bigint'),
};

const required = new Set(['notificationId', 'attributionId', 'borrowerId', 'type', 'channel', 'requestedAt', 'version']);
const definition = Object.entries(rowColumns)
  .map(([key, { column: name, type }]) => `${name} ${type}${required.has(key) ? ' NOT NULL' : ''}`).join(', ');

/** The tables of one generation of the log. `IF NOT EXISTS` throughout: tables that somebody dropped come back empty. */
export const createTables = (schema: string): string => `
CREATE SCHEMA IF NOT EXISTS ${schema};
CREATE TABLE IF NOT EXISTS ${schema}.notification (${definition}, PRIMARY KEY (notification_id));
CREATE TABLE IF NOT EXISTS ${schema}.tally (
  measure text NOT NULL, grain text NOT NULL, at timestamptz NOT NULL, type text NOT NULL, channel text NOT NULL,
  department text NOT NULL, value text NOT NULL, n bigint NOT NULL,
  PRIMARY KEY (measure, grain, at, type, channel, department, value)) WITH (fillfactor = 70);
CREATE TABLE IF NOT EXISTS ${schema}.poison (
  stream text NOT NULL, version int NOT NULL, event_id uuid NOT NULL, checkpoint text NOT NULL, type text NOT NULL,
  reason text NOT NULL, recorded_at timestamptz NOT NULL, event jsonb NOT NULL, PRIMARY KEY (stream, version));
CREATE TABLE IF NOT EXISTS ${schema}.progress (
  projection text PRIMARY KEY, version int NOT NULL, checkpoint text NOT NULL, events bigint NOT NULL,
  recorded_at timestamptz, written_at timestamptz NOT NULL, redacted_before timestamptz);`;

/** What the API's questions need. A rebuild creates them after the rows, which is many times faster than before. */
export const createIndexes = (schema: string): string[] => [
  ['requested', '(requested_at, notification_id)'],
  ['attribution', '(attribution_id, requested_at, notification_id)'],
  ['borrower', '(borrower_id, requested_at, notification_id)'],
  ['type', '(type, channel, requested_at, notification_id)'],
  ['department', '(department, requested_at, notification_id) WHERE department IS NOT NULL'],
  ['sent', '(sent_at, notification_id) WHERE sent_at IS NOT NULL'],
  ['due', '(due_at, notification_id) WHERE due_at IS NOT NULL'],
  // Any other span of instants is read in its own order too.
  ...['attempted_at', 'delivered_at', 'read_at', 'given_up_at', 'skipped_at', 'waiting_until', 'valid_until'].map((at) => [at, `(${at}, notification_id) WHERE ${at} IS NOT NULL`]),
  ['updated', '(updated_at, notification_id)'],
  // What is rare has an index of its own, in the order of the pages; what is common is soon found along the others.
  ['unsent', "(requested_at, notification_id) WHERE status <> 'ENVOYEE'"],
  // Failures of one department and errors by several of their marks: also where there are none, which would be looked for among all failures.
  ['unsent_department', "(department, requested_at, notification_id, status) WHERE status <> 'ENVOYEE' AND department IS NOT NULL"],
  ['class_code', '(error_class, error_code, requested_at, notification_id) WHERE error_code IS NOT NULL'],
  // For words that many errors have: see `findNotifications`.
  ['errors', '(requested_at, notification_id) WHERE error_text IS NOT NULL'],
  ['status', "(status, requested_at, notification_id) WHERE status <> 'ENVOYEE'"],
  ['open', "(phase, requested_at, notification_id) WHERE phase IN ('ready', 'attempting', 'unknown', 'held')"],
  ['skipped', '(skip_reason, requested_at, notification_id) WHERE skip_reason IS NOT NULL'],
  ['undelivered', "(delivery, requested_at, notification_id) WHERE delivery <> 'delivered' AND delivery <> 'read'"],
  ['class', '(error_class, requested_at, notification_id) WHERE error_class IS NOT NULL'],
  ['code', '(error_code, requested_at, notification_id) WHERE error_code IS NOT NULL'],
  ...['attempts', 'due_version', 'occurrence'].map((column) => [column, `(${column}, requested_at, notification_id) WHERE ${column} > 1`]),
  ['replays', '(replays, requested_at, notification_id) WHERE replays > 0'],
  ['missing', '(requested_at, notification_id) WHERE receipt_missing'],
  ...['waiting_for', 'provider_id', 'replaces', 'replaced_by', 'leader'].map((column) => [column, `(${column}, requested_at, notification_id) WHERE ${column} IS NOT NULL`]),
].map(([name, on]) => `CREATE INDEX IF NOT EXISTS notification_${name} ON ${schema}.notification ${on}`)
  .concat(`CREATE INDEX IF NOT EXISTS notification_words ON ${schema}.notification USING gin (to_tsvector('simple', error_text)) WHERE error_text IS NOT NULL`);

/** Makes the live tables and (unless told otherwise) their indexes where they are missing; several instances may do so together. */
export async function prepareLog(pool: Pool, schema: string = LIVE, { indexes = true } = {}): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('SELECT pg_advisory_lock(hashtext($1))', ['rappel:log:tables']);
    await client.query(createTables(schema));
    for (const sql of indexes ? createIndexes(schema) : []) await client.query(sql);
  } finally {
    await client.query('SELECT pg_advisory_unlock(hashtext($1))', ['rappel:log:tables']).catch(() => undefined);
    client.release();
  }
}
