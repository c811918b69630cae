import { Channel, Id, Instant, NotificationType, Zone } from '@rappel/contracts';
import { z } from 'zod';

const anyOf = <T extends z.ZodType>(one: T) => z.preprocess(
  (given) => (given === undefined ? undefined : [given].flat().flatMap((part) => String(part).split(','))),
  z.array(one).min(1).max(50).optional(),
);

/** Which notifications are counted: requested (for rates and delays: sent) in the span, cut to whole UTC days (rates: hours). */
export const Scope = z.strictObject({
  from: Instant.optional().describe('inclusive'), to: Instant.optional().describe('exclusive'),
  type: anyOf(NotificationType), channel: anyOf(Channel), department: anyOf(Id),
});
export type Scope = z.infer<typeof Scope>;

const dimension = z.enum(['type', 'channel', 'department']);
const named = { type: NotificationType.optional(), channel: Channel.optional(), department: z.string().optional() };
const count = z.int().min(0);

export const StatusQuery = Scope.extend({ by: anyOf(z.enum(['status', ...dimension.options])).default(['status']) });
export const StatusAnswer = z.object({ items: z.array(z.object({ status: z.string().nullish().describe('null = skipped'), ...named, count })), total: count });
export const FailuresQuery = Scope.extend({ by: anyOf(dimension).default([]), limit: z.coerce.number().int().min(1).max(500).default(100) });
export const FailuresAnswer = z.object({
  items: z.array(z.object({ status: z.string(), errorClass: z.string().nullable(), errorCode: z.string().nullable(), errorText: z.string().nullable(), ...named, count })),
});
export const RateQuery = Scope.extend({ per: z.enum(['hour', 'day']).default('day'), by: anyOf(dimension).default([]) });
export const RateAnswer = z.object({ items: z.array(z.object({ at: z.string(), ...named, sent: count })) });
export const TodayQuery = z.strictObject({ channel: Channel.default('WHATSAPP'), zone: Zone.optional(), limit: z.coerce.number().int().min(1).optional() });
export const TodayAnswer = z.object({
  channel: Channel, zone: z.string(), date: z.string(), sent: count,
  limit: z.int().nullable().describe('messages a day the sender is allowed'), remaining: z.int().nullable(), reached: z.boolean(),
});
export const DelaysQuery = Scope.omit({ department: true }).extend({ by: anyOf(z.enum(['type', 'channel'])).default([]) });
const percentiles = z.object({ type: named.type, channel: named.channel, count, p50: z.number(), p90: z.number(), p95: z.number(), p99: z.number(), max: z.number() });
export const DelaysAnswer = z.object({ unit: z.literal('ms'), dueToSent: z.array(percentiles), sentToDelivered: z.array(percentiles), sentToRead: z.array(percentiles) });
export const HistogramAnswer = z.object({ items: z.array(z.object({ attempts: z.int(), count })) });
export const FallbackAnswer = z.object({ notifications: count, replacements: count, rate: z.number().describe('replacements per notification') });
export const SkipsAnswer = z.object({ items: z.array(z.object({ reason: z.string(), ...named, count })), total: count });
export const DimensionsQuery = Scope.extend({ by: anyOf(dimension).default([]) });
export const DeliveryAnswer = z.object({ items: z.array(z.object({ delivery: z.string(), ...named, count })) });
export const WaitingAnswer = z.object({
  items: z.array(z.object({ phase: z.string(), waitingFor: z.string().nullable(), channel: Channel, type: NotificationType, count, oldest: z.string(), nextAt: z.string().nullable() })),
  total: count,
});
