import type { Reader } from './reader.ts';
import type { LogRow } from './row.ts';
import { LIVE } from './schema.ts';
import { logTypes, selectRows } from './tables.ts';

/** Fields that may be asked for by value, or by several. */
const fields = {
  attributionId: 'attribution_id', borrowerId: 'borrower_id', department: 'department', type: 'type', channel: 'channel', status: 'status', phase: 'phase',
  delivery: 'delivery', errorClass: 'error_class', errorCode: 'error_code', skipReason: 'skip_reason', waitingFor: 'waiting_for', providerId: 'provider_id',
  dueVersion: 'due_version', occurrence: 'occurrence', attempts: 'attempts', replays: 'replays', replaces: 'replaces', replacedBy: 'replaced_by', leader: 'leader',
  receiptMissing: 'receipt_missing', notificationId: 'notification_id',
} as const;
/** Instants that may be asked for by span. */
const instants = {
  requestedAt: 'requested_at', dueAt: 'due_at', validUntil: 'valid_until', attemptedAt: 'attempted_at', sentAt: 'sent_at', deliveredAt: 'delivered_at',
  readAt: 'read_at', givenUpAt: 'given_up_at', skippedAt: 'skipped_at', waitingUntil: 'waiting_until', updatedAt: 'updated_at',
} as const;

export type Field = keyof typeof fields;
export type InstantField = keyof typeof instants;
export const filterFields = Object.keys(fields) as Field[];
export const filterInstants = Object.keys(instants) as InstantField[];

export interface Filter {
  /** Any of these values; of different fields, all. */
  readonly where?: Partial<Record<Field, readonly (string | number | boolean)[]>>;
  /** From inclusive, to exclusive. */
  readonly spans?: Partial<Record<InstantField, { from?: string; to?: string }>>;
  /** Words of the error's text, as a search engine takes them: `"mailbox full" -quota`. */
  readonly error?: string;
}

/** After this notification in the order asked for. */
export interface Place {
  /** What the page is sorted by: see `sortOf`. */
  readonly at: string;
  readonly notificationId: string;
}

/** A span of moments is read in its own order, along its own index (of several spans: the first that is given); everything else by `requestedAt`. */
export const sortOf = ({ spans = {} }: Filter): InstantField =>
  (spans.requestedAt ? 'requestedAt' : filterInstants.find((field) => spans[field]) ?? 'requestedAt');

/** The place of a row in the order of its filter. */
export const placeIn = (filter: Filter, row: LogRow): Place => ({ at: row[sortOf(filter)]!, notificationId: row.notificationId });

export interface Page extends Filter {
  readonly after?: Place;
  readonly limit: number;
  /** Default: newest first. */
  readonly order?: 'asc' | 'desc';
}

/** How many errors are looked through, in the order of the page, before the index of their words is asked. */
const LOOKED_THROUGH = 1000;

/** One page of notifications; the next begins after the last one's place. */
export async function findNotifications(pool: Reader, page: Page, schema: string = LIVE): Promise<LogRow[]> {
  if (!page.error) return query(pool, page, schema);
  // Words that many errors have fill a page at once; words that few have are found through their own index. The planner cannot
  // tell which is which, since no statistics say that words go together, and takes the wrong way through tens of thousands.
  const found = await query(pool, page, schema, 'along the order');
  return found.length === page.limit ? found : query(pool, page, schema, 'through the words');
}

async function query(pool: Reader, page: Page, schema: string, way?: 'along the order' | 'through the words'): Promise<LogRow[]> {
  const values: unknown[] = [];
  const value = (given: unknown) => `$${values.push(given)}`;
  const desc = (page.order ?? 'desc') === 'desc';
  const sort = instants[sortOf(page)];
  const order = `ORDER BY n.${sort} ${desc ? 'DESC' : 'ASC'}, n.notification_id ${desc ? 'DESC' : 'ASC'}`;
  const after = page.after ? [`(n.${sort}, n.notification_id) ${desc ? '<' : '>'} (${value(page.after.at)}::timestamptz, ${value(page.after.notificationId)}::uuid)`] : [];
  const wanted = [...conditionsOf({ ...page, error: undefined }, value), ...after];
  const words = page.error ? wordsIn(page.error, value) : [];
  const table = `${schema}.notification n`;
  const sources = {
    'straight': `${table} ${clause(wanted)}`,
    'along the order': `(SELECT * FROM ${table} ${clause([...wanted, 'n.error_text IS NOT NULL'])} ${order} LIMIT ${LOOKED_THROUGH}) n ${clause(words)}`,
    // OFFSET 0 keeps the planner from looking along the order again.
    'through the words': `(SELECT * FROM ${table} ${clause([...wanted, ...words])} OFFSET 0) n`,
  };
  const { rows } = await pool.query<LogRow>({ text: `${selectRows('n')} FROM ${sources[way ?? 'straight']} ${order} LIMIT ${value(page.limit)}`, values, types: logTypes });
  return rows;
}

const clause = (conditions: readonly string[]): string => (conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : '');

/** How many there are, exactly. Reads them all: for dry runs and small sets, not for dashboards. */
export async function countNotifications(pool: Reader, filter: Filter): Promise<number> {
  const values: unknown[] = [];
  const conditions = conditionsOf(filter, (given) => `$${values.push(given)}`);
  const { rows } = await pool.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${LIVE}.notification n ${clause(conditions)}`, values);
  return rows[0]!.n;
}

type Value = (given: unknown) => string;

function conditionsOf({ where = {}, spans = {}, error }: Filter, value: Value): string[] {
  return [
    ...Object.entries(where).filter(([, wanted]) => wanted?.length).map(([field, wanted]) => among(`n.${fields[field as Field]}`, wanted!, value)),
    ...Object.entries(spans).flatMap(([field, span]) => within(`n.${instants[field as InstantField]}`, span ?? {}, value)),
    ...(error ? wordsIn(error, value) : []),
  ];
}

const wordsIn = (error: string, value: Value) => ['n.error_text IS NOT NULL', `to_tsvector('simple', n.error_text) @@ websearch_to_tsquery('simple', ${value(error)})`];

// A single value lets a partial index prove that it covers the question.
const among = (column: string, wanted: readonly unknown[], value: Value) =>
  (wanted.length === 1 ? `${column} = ${value(wanted[0])}` : `${column} = ANY(${value(wanted)})`);

const within = (column: string, { from, to }: { from?: string; to?: string }, value: Value) =>
  [...(from ? [`${column} >= ${value(from)}`] : []), ...(to ? [`${column} < ${value(to)}`] : [])];

export interface Waiting {
  readonly phase: string;
  readonly waitingFor: string | null;
  readonly channel: string;
  readonly type: string;
  readonly count: number;
  readonly oldest: string;
  /** The earliest moment at which one of them goes on; null where it is not known. */
  readonly nextAt: string | null;
}

/** What is not decided yet, by what it waits for. */
export async function whatWaits(pool: Reader): Promise<Waiting[]> {
  const { rows } = await pool.query<Waiting>({
    text: `SELECT phase, waiting_for AS "waitingFor", channel, type, count(*) AS count, min(requested_at) AS oldest, min(waiting_until) AS "nextAt"
      FROM ${LIVE}.notification WHERE phase IN ('ready', 'attempting', 'unknown', 'held') GROUP BY 1, 2, 3, 4 ORDER BY count(*) DESC, 1, 2, 3, 4`,
    types: logTypes,
  });
  return rows;
}
