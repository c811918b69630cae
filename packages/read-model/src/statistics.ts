import type { Reader } from './reader.ts';
import { LIVE } from './schema.ts';
import { millisOf, type Delay, type Measure } from './tally.ts';
import { logTypes } from './tables.ts';

/** Which notifications a statistic is about. Spans are cut to whole days (UTC), of what was sent to whole hours. */
export interface Scope {
  /** Inclusive: the day or hour it is in. */
  readonly from?: string;
  /** Exclusive. */
  readonly to?: string;
  readonly type?: readonly string[];
  readonly channel?: readonly string[];
  readonly department?: readonly string[];
}

export type Dimension = 'value' | 'type' | 'channel' | 'department' | 'at';
export interface Counted {
  readonly value?: string;
  readonly type?: string;
  readonly channel?: string;
  readonly department?: string;
  readonly at?: string;
  readonly n: number;
}

type Grain = 'h' | 'd' | 'm';
interface Piece { grain: Grain; from?: string; to?: string }

/** Counters of one measure, summed by the dimensions. Reads counters, never notifications. */
export async function countBy(pool: Reader, measure: Measure, by: readonly Dimension[], scope: Scope & { grain?: Grain } = {}): Promise<Counted[]> {
  const values: unknown[] = [measure === 'sent' && !isFine(by, scope) ? 'sent-channel' : measure];
  const value = (given: unknown) => `$${values.push(given)}`;
  const pieces = scope.grain ? [{ grain: scope.grain, from: scope.from, to: scope.to }] : piecesOf(scope, measure === 'sent' ? 'h' : 'd');
  const spans = pieces.map(({ grain, from, to }) =>
    `(grain = ${value(grain)}${from ? ` AND at >= ${value(from)}` : ''}${to ? ` AND at < ${value(to)}` : ''})`);
  const only = (['type', 'channel', 'department'] as const).filter((key) => scope[key]?.length).map((key) => ` AND ${key} = ANY(${value(scope[key])})`);
  const { rows } = await pool.query<Counted>({
    text: `SELECT ${[...by, 'sum(n)::bigint AS n'].join(', ')} FROM ${LIVE}.tally WHERE measure = $1 AND (${spans.join(' OR ')})${only.join('')}
      ${by.length > 0 ? `GROUP BY ${by.join(', ')} HAVING sum(n) <> 0 ORDER BY ${[...(by.includes('at') ? ['at'] : []), 'n DESC', ...by.filter((one) => one !== 'at')].join(', ')}` : ''}`,
    values, types: logTypes,
  });
  return rows.filter(({ n }) => n !== null);
}

/** Whether the coarse counters of what was sent, by channel alone, cannot tell. */
const isFine = (by: readonly Dimension[], scope: Scope): boolean => (['type', 'department'] as const).some((one) => by.includes(one) || scope[one]?.length);

const HOUR = 3_600_000;
const floors: Record<Grain, (ms: number) => number> = {
  h: (ms) => Math.floor(ms / HOUR) * HOUR,
  d: (ms) => Math.floor(ms / (24 * HOUR)) * 24 * HOUR,
  m: (ms) => Date.UTC(new Date(ms).getUTCFullYear(), new Date(ms).getUTCMonth()),
};
const nexts: Record<Grain, (ms: number) => number> = {
  h: (ms) => ms + HOUR,
  d: (ms) => ms + 24 * HOUR,
  m: (ms) => Date.UTC(new Date(ms).getUTCFullYear(), new Date(ms).getUTCMonth() + 1),
};
const coarser: Partial<Record<Grain, Grain>> = { h: 'd', d: 'm' };
const up = (grain: Grain, ms: number) => (floors[grain](ms) === ms ? ms : nexts[grain](floors[grain](ms)));

/** A span as whole months, then days, then hours at its edges: few counters, however long it is. */
export function piecesOf({ from, to }: Scope, finest: Grain): Piece[] {
  const start = from === undefined ? -Infinity : floors[finest](Date.parse(from));
  const end = to === undefined ? Infinity : up(finest, Date.parse(to));
  const pieces = cut(start, Math.max(start, end), finest);
  // An empty span still needs a condition, one that nothing meets.
  return pieces.length > 0 ? pieces : [{ grain: finest, from: '2000-01-01T00:00:00.000Z', to: '2000-01-01T00:00:00.000Z' }];
}

function cut(start: number, end: number, grain: Grain): Piece[] {
  const wider = coarser[grain];
  if (start >= end) return [];
  if (!wider) return [piece(grain, start, end)];
  const first = Number.isFinite(start) ? up(wider, start) : start;
  const last = Number.isFinite(end) ? floors[wider](end) : end;
  if (first >= last) return [piece(grain, start, end)];
  return [...(first > start ? [piece(grain, start, first)] : []), ...cut(first, last, wider), ...(last < end ? [piece(grain, last, end)] : [])];
}

const iso = (ms: number) => (Number.isFinite(ms) ? new Date(ms).toISOString() : undefined);
const piece = (grain: Grain, from: number, to: number): Piece => ({ grain, from: iso(from), to: iso(to) });

export interface Percentiles {
  readonly type?: string;
  readonly channel?: string;
  readonly count: number;
  /** Milliseconds, right within 2.5 %. */
  readonly p50: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

/** How long it took, as percentiles, by type and channel or over all. By when it was sent. */
export async function delays(pool: Reader, measure: Delay, by: readonly ('type' | 'channel')[], scope: Scope = {}): Promise<Percentiles[]> {
  const counted = await countBy(pool, measure, [...by, 'value'], { ...scope, department: undefined });
  const groups = new Map<string, Counted[]>();
  for (const one of counted) {
    const key = by.map((dimension) => one[dimension]).join('|');
    groups.set(key, [...groups.get(key) ?? [], one]);
  }
  return [...groups.values()].map((group) => percentiles(group, by));
}

function percentiles(group: readonly Counted[], by: readonly ('type' | 'channel')[]): Percentiles {
  const buckets = group.map(({ value, n }) => ({ bucket: Number(value), n })).sort((a, b) => a.bucket - b.bucket);
  const count = buckets.reduce((sum, { n }) => sum + n, 0);
  const at = (share: number) => {
    let seen = 0;
    return millisOf((buckets.find(({ n }) => (seen += n) >= share * count) ?? buckets.at(-1)!).bucket);
  };
  const names = Object.fromEntries(by.map((dimension) => [dimension, group[0]![dimension]]));
  return { ...names, count, p50: at(0.5), p90: at(0.9), p95: at(0.95), p99: at(0.99), max: at(1) };
}
