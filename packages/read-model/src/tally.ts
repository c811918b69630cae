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
  /** Empty for `sent-channel`: what was sent by hour over a long span, without the thousands of counters by type and department. */
  type: string;
  channel: string;
  /** Empty where there is none, and for the delays and `sent-channel`, which are not kept apart by department. */
  department: string;
  value: string;
}

export type Measure = 'status' | 'failure' | 'sent' | 'sent-channel' | 'attempts' | 'delivery' | 'fallback' | Delay;
export type Delay = 'due-sent' | 'sent-delivered' | 'sent-read';

/** Counts by measure, bucket and labels, in the finest buckets only. */
export type Tally = Map<string, number>;

/** Puts a row's facts into the tally, or takes them out (`by` = -1). */
export function count(tally: Tally, row: LogRow, by: 1 | -1): void {
  const add = (measure: Measure, bucket: string, value: string) => {
    const department = measure.includes('-') ? '' : row.department ?? '';
    const key = `${measure}\u0000${bucket}\u0000${measure === 'sent-channel' ? '' : row.type}\u0000${row.channel}\u0000${department}\u0000${value}`;
    tally.set(key, (tally.get(key) ?? 0) + by);
  };
  const day = row.requestedAt.slice(0, DAY);
  add('status', day, row.status ?? `skipped:${row.skipReason}`);
  add('fallback', day, row.replaces ? 'replacement' : 'original');
  if (row.delivery) add('delivery', day, row.delivery);
  if (row.status !== null) add('attempts', day, String(row.attempts));
  if (failed(row)) add('failure', day, failure(row));
  if (row.sentAt) sending(row, row.sentAt, add);
}

function sending({ status, dueAt, deliveredAt, readAt }: LogRow, sentAt: string, add: (measure: Measure, bucket: string, value: string) => void): void {
  const sent = Date.parse(sentAt);
  const day = sentAt.slice(0, DAY);
  for (const measure of ['sent', 'sent-channel'] as const) add(measure, sentAt.slice(0, HOUR), status === 'ENVOYEE' ? 'ENVOYEE' : '');
  if (dueAt) add('due-sent', day, String(bucketOf(sent - Date.parse(dueAt))));
  if (deliveredAt) add('sent-delivered', day, String(bucketOf(Date.parse(deliveredAt) - sent)));
  if (readAt) add('sent-read', day, String(bucketOf(Date.parse(readAt) - sent)));
}

const HOUR = 13;
const DAY = 10;
const MONTH = 7;
const grains = { [HOUR]: ['h', ':00:00Z'], [DAY]: ['d', 'T00:00:00Z'], [MONTH]: ['m', '-01T00:00:00Z'] } as const;

/** The tally as facts to store: every bucket and the wider ones it lies in. */
export function facts(tally: Tally): (Fact & { n: number })[] {
  const all = new Map<string, Fact & { n: number }>();
  for (const [key, n] of tally) {
    if (n === 0) continue;
    const [measure, bucket, type, channel, department, value] = key.split('\u0000') as [Measure, string, string, string, string, string];
    for (const width of [HOUR, DAY, MONTH] as const) {
      if (bucket.length < width) continue;
      const at = bucket.slice(0, width);
      const wider = `${at}${key.slice(measure.length + 1 + bucket.length)}${measure}`;
      const fact = all.get(wider);
      if (fact) fact.n += n;
      else all.set(wider, { measure, grain: grains[width][0], at: at + grains[width][1], type, channel, department, value, n });
    }
  }
  return [...all.values()].filter(({ n }) => n !== 0);
}

/** What an analyst calls a failure: not accepted, or accepted and then reported as not delivered. */
const failed = ({ status, delivery }: LogRow): boolean =>
  status === 'ECHEC' || status === 'ECHEC_PERMANENT' || (status === 'ENVOYEE' && (delivery === 'failed' || delivery === 'undelivered'));

/** Status, class, code and text of a failure as one key; the text is cut so that a key stays an index entry. */
const failure = ({ status, errorClass, errorCode, errorText, deliveryCode, deliveryText }: LogRow) =>
  JSON.stringify([status, errorClass, errorCode ?? deliveryCode, start(errorText ?? deliveryText)]);

const start = (text: string | null) => (text !== null && text.length > 200 ? [...text].slice(0, 200).join('') : text);

const GROWTH = Math.log(1.05);
/** Delays are counted in buckets 5 % wide, so a percentile read from them is right within 2.5 %. Under 1 ms is bucket 0. */
export const bucketOf = (ms: number): number => (ms <= 1 ? 0 : Math.ceil(Math.log(ms) / GROWTH));
/** The middle of a bucket, in milliseconds. */
export const millisOf = (bucket: number): number => (bucket === 0 ? 0 : Math.round(Math.exp((bucket - 0.5) * GROWTH)));
