import type { Clock } from '@rappel/contracts';
import { countBy, delays, whatWaits, type Counted, type Dimension, type Reader } from '@rappel/read-model';
import type { z } from 'zod';
import type * as S from './statistics.schemas.ts';

type Query<T extends z.ZodType> = z.infer<T>;
type Named = Exclude<Dimension, 'value' | 'at'>;

export interface StatisticsOptions {
  readonly pool: Reader;
  readonly clock: Clock;
  /** IANA zone of "today" when the caller names none. */
  readonly zone: string;
  readonly dailyLimit?: number;
}
export type Statistics = ReturnType<typeof createStatistics>;

const sum = (counted: readonly Counted[]) => counted.reduce((total, { n }) => total + n, 0);
const labels = ({ type, channel, department }: Counted) => ({ ...(type && { type }), ...(channel && { channel }), ...(department && { department }) });
const SKIPPED = 'skipped:';

/** What HTTP and NATS both answer about figures. */
export function createStatistics({ pool, clock, zone: home, dailyLimit }: StatisticsOptions) {
  return {
    async status(query: Query<typeof S.StatusQuery>) {
      const dimensions = query.by ?? ['status'];
      const named = dimensions.filter((one): one is Named => one !== 'status');
      const counted = await countBy(pool, 'status', ['value', ...named], query);
      const items = merged(counted.map(({ value, n, ...rest }) => ({
        ...(dimensions.includes('status') && { status: value!.startsWith(SKIPPED) ? null : value! }), ...labels({ ...rest, n }), count: n,
      })));
      return { items, total: sum(counted) };
    },
    async failures({ by = [], limit, ...scope }: Query<typeof S.FailuresQuery>) {
      const counted = await countBy(pool, 'failure', ['value', ...by], scope);
      return {
        items: counted.slice(0, limit).map(({ value, n, ...rest }) => {
          const [status, errorClass, errorCode, errorText] = JSON.parse(value!) as [string, string | null, string | null, string | null];
          return { status, errorClass, errorCode, errorText, ...labels({ ...rest, n }), count: n };
        }),
      };
    },
    async rate({ per, by = [], ...scope }: Query<typeof S.RateQuery>) {
      const now = Date.parse(clock.now());
      const from = scope.from ?? new Date(now - (per === 'hour' ? 1 : 30) * 86_400_000).toISOString();
      const counted = await countBy(pool, 'sent', ['at', ...by], { ...scope, from, grain: per === 'hour' ? 'h' : 'd' });
      return { items: counted.map((one) => ({ at: one.at!, ...labels(one), sent: one.n })) };
    },
    async today({ channel, zone = home, limit = dailyLimit }: Query<typeof S.TodayQuery>) {
      const now = clock.now();
      const { from, to, date } = dayOf(now, zone);
      const counted = await countBy(pool, 'sent', ['value'], { from, to, channel: [channel] });
      const sent = sum(counted.filter(({ value }) => value === 'ENVOYEE'));
      return { channel, zone, date, sent, limit: limit ?? null, remaining: limit === undefined ? null : Math.max(0, limit - sent), reached: limit !== undefined && sent >= limit };
    },
    async delays({ by = [], ...scope }: Query<typeof S.DelaysQuery>) {
      const [dueToSent, sentToDelivered, sentToRead] = await Promise.all((['due-sent', 'sent-delivered', 'sent-read'] as const).map((measure) => delays(pool, measure, by, scope)));
      return { unit: 'ms' as const, dueToSent: dueToSent!, sentToDelivered: sentToDelivered!, sentToRead: sentToRead! };
    },
    async attempts(scope: Query<typeof S.Scope>) {
      const counted = await countBy(pool, 'attempts', ['value'], scope);
      return { items: counted.map(({ value, n }) => ({ attempts: Number(value), count: n })).sort((a, b) => a.attempts - b.attempts) };
    },
    async fallback(scope: Query<typeof S.Scope>) {
      const counted = await countBy(pool, 'fallback', ['value'], scope);
      const notifications = sum(counted);
      const replacements = sum(counted.filter(({ value }) => value === 'replacement'));
      return { notifications, replacements, rate: notifications === 0 ? 0 : replacements / notifications };
    },
    async skips({ by = [], ...scope }: Query<typeof S.DimensionsQuery>) {
      const counted = (await countBy(pool, 'status', ['value', ...by], scope)).filter(({ value }) => value!.startsWith(SKIPPED));
      return { items: counted.map((one) => ({ reason: one.value!.slice(SKIPPED.length), ...labels(one), count: one.n })), total: sum(counted) };
    },
    async deliveries({ by = [], ...scope }: Query<typeof S.DimensionsQuery>) {
      return { items: (await countBy(pool, 'delivery', ['value', ...by], scope)).map((one) => ({ delivery: one.value!, ...labels(one), count: one.n })) };
    },
    async waiting() {
      const items = await whatWaits(pool);
      return { items, total: items.reduce((total, { count }) => total + count, 0) };
    },
  };
}

/** Same labels, one line: the reasons of skips fall together under no status. */
function merged<T extends { count: number }>(items: readonly T[]): T[] {
  const byKey = new Map<string, T>();
  for (const item of items) {
    const key = JSON.stringify({ ...item, count: 0 });
    byKey.set(key, { ...item, count: (byKey.get(key)?.count ?? 0) + item.count });
  }
  return [...byKey.values()].sort((a, b) => b.count - a.count);
}

/** The local day around an instant, as a span of instants. */
export function dayOf(at: string, zone: string): { from: string; to: string; date: string } {
  const format = new Intl.DateTimeFormat('en-CA', { timeZone: zone, dateStyle: 'short' });
  const date = format.format(new Date(at));
  const start = midnight(Date.parse(`${date}T00:00:00Z`), zone);
  const end = midnight(Date.parse(`${date}T00:00:00Z`) + 86_400_000, zone);
  return { from: new Date(start).toISOString(), to: new Date(end).toISOString(), date };
}

/** The instant at which the zone's clocks show what `utc` shows in UTC. Two rounds settle a change of offset in between. */
function midnight(utc: number, zone: string): number {
  const offset = (ms: number) => {
    const parts = Object.fromEntries(new Intl.DateTimeFormat('en-US', { timeZone: zone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' })
      .formatToParts(new Date(ms)).map(({ type, value }) => [type, Number(value)]));
    return Date.UTC(parts['year']!, parts['month']! - 1, parts['day']!, parts['hour']!, parts['minute']!, parts['second']!) - ms;
  };
  const guess = utc - offset(utc);
  return utc - offset(guess);
}
