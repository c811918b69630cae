import type { LogRow } from './row.ts';

/**
 * What the log counts, kept beside the rows so that a question over millions of notifications reads a few hundred counters.
 * Every counter is derived from rows alone: a change of a row takes its old facts out and puts its new ones in.
 */
export interface Fact {
  measure: Measure;
  /** Bucket width: hour, day or month (UTC). A span is read as whole months, then days, then hours. */
  grain: 'h' | 'd' | 'm';
  at: string;
  type: string;
  channel: string;
  /** Empty where there is none, and for the delays, which are not kept apart by department. */
  department: string;
  value: string;
}

export type Measure = 'status' | 'failure' | 'sent' | 'attempts' | 'delivery' | 'fallback' | Delay;
export type Delay = 'due-sent' | 'sent-delivered' | 'sent-read';

export type Tally = Map<string, Fact & { n: number }>;

/** Puts a row's facts into the tally, or takes them out (`by` = -1). */
export function count(tally: Tally, row: LogRow, by: 1 | -1): void {
  const at = row.requestedAt;
  add(tally, row, by, { measure: 'status', at, value: row.status ?? `skipped:${row.skipReason}` });
  add(tally, row, by, { measure: 'fallback', at, value: row.replaces ? 'replacement' : 'original' });
  if (row.delivery) add(tally, row, by, { measure: 'delivery', at, value: row.delivery });
  if (row.status !== null) add(tally, row, by, { measure: 'attempts', at, value: String(row.attempts) });
  if (failed(row)) add(tally, row, by, { measure: 'failure', at, value: failure(row) });
  if (row.sentAt) {
    add(tally, row, by, { measure: 'sent', at: row.sentAt, value: row.status === 'ENVOYEE' ? 'ENVOYEE' : '', hourly: true });
    delay(tally, row, by, { measure: 'due-sent', from: row.dueAt, to: row.sentAt });
    delay(tally, row, by, { measure: 'sent-delivered', from: row.sentAt, to: row.deliveredAt });
    delay(tally, row, by, { measure: 'sent-read', from: row.sentAt, to: row.readAt });
  }
}

/** What an analyst calls a failure: not accepted, or accepted and then reported as not delivered. */
const failed = ({ status, delivery }: LogRow): boolean =>
  status === 'ECHEC' || status === 'ECHEC_PERMANENT' || (status === 'ENVOYEE' && (delivery === 'failed' || delivery === 'undelivered'));

/** Status, class, code and text of a failure as one key; the text is cut so that a key stays an index entry. */
const failure = ({ status, errorClass, errorCode, errorText, deliveryCode, deliveryText }: LogRow) =>
  JSON.stringify([status, errorClass, errorCode ?? deliveryCode, (errorText ?? deliveryText)?.slice(0, 200) ?? null]);

interface Entry { measure: Measure; at: string; value: string; hourly?: boolean }

function add(tally: Tally, row: LogRow, by: number, { measure, at, value, hourly = false }: Entry): void {
  const department = measure.includes('-') ? '' : row.department ?? '';
  for (const grain of hourly ? grainsOfHours : grainsOfDays) {
    const bucket = at.slice(0, cut[grain]);
    const key = `${measure}|${grain}|${bucket}|${row.type}|${row.channel}|${department}|${value}`;
    const fact = tally.get(key);
    if (fact) fact.n += by;
    else tally.set(key, { measure, grain, at: bucket + rest[grain], type: row.type, channel: row.channel, department, value, n: by });
  }
}

const grainsOfDays = ['d', 'm'] as const;
const grainsOfHours = ['h', 'd', 'm'] as const;
const cut = { h: 13, d: 10, m: 7 } as const;
const rest = { h: ':00:00Z', d: 'T00:00:00Z', m: '-01T00:00:00Z' } as const;

function delay(tally: Tally, row: LogRow, by: number, { measure, from, to }: { measure: Delay; from: string | null; to: string | null }): void {
  if (from && to) add(tally, row, by, { measure, at: row.sentAt!, value: String(bucketOf(Date.parse(to) - Date.parse(from))) });
}

const GROWTH = Math.log(1.05);
/** Delays are counted in buckets 5 % wide, so a percentile read from them is right within 2.5 %. Under 1 ms is bucket 0. */
export const bucketOf = (ms: number): number => (ms <= 1 ? 0 : Math.ceil(Math.log(ms) / GROWTH));
/** The middle of a bucket, in milliseconds. */
export const millisOf = (bucket: number): number => (bucket === 0 ? 0 : Math.round(Math.exp((bucket - 0.5) * GROWTH)));
