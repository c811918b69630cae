import { Channel, channels, deliveries, Delivery, ErrorClass, errorClasses, Id, Instant, NotificationType, notificationTypes, Status, statuses } from '@rappel/contracts';
import { filterFields, filterInstants, type Field, type Filter, type InstantField } from '@rappel/read-model';
import { z } from 'zod';

/** `a`, `a,b` or repeated: any of them. */
const anyOf = <T extends z.ZodType>(one: T) => z.preprocess(
  (given) => (given === undefined ? undefined : [given].flat().flatMap((part) => String(part).split(','))),
  z.array(one).min(1).max(50).optional(),
);
/** PostgreSQL knows no text with a NUL in it. */
const word = z.string().min(1).max(200).regex(/^[^\u0000]*$/, 'without NUL');
const whole = z.coerce.number().int().min(0).max(1_000_000);

const where: Record<Field, z.ZodType> = {
  attributionId: anyOf(Id), borrowerId: anyOf(Id), department: anyOf(Id), type: anyOf(NotificationType), channel: anyOf(Channel), status: anyOf(Status),
  phase: anyOf(z.enum(['ready', 'attempting', 'unknown', 'held', 'accepted', 'given-up', 'skipped'])), delivery: anyOf(Delivery), errorClass: anyOf(ErrorClass),
  errorCode: anyOf(word), skipReason: anyOf(word), waitingFor: anyOf(word), providerId: anyOf(word), dueVersion: anyOf(whole), occurrence: anyOf(whole),
  attempts: anyOf(whole), replays: anyOf(whole), replaces: anyOf(z.uuid()), replacedBy: anyOf(z.uuid()), leader: anyOf(z.uuid()),
  receiptMissing: anyOf(z.stringbool()), notificationId: anyOf(z.uuid()),
};
const spans = Object.fromEntries(filterInstants.flatMap((field) => [[`${field}From`, Instant.optional()], [`${field}To`, Instant.optional()]]));

/** Every field of a notification as a filter; instants as `<field>From` (inclusive) and `<field>To` (exclusive). */
export const FilterQuery = z.strictObject({ ...where, ...spans, error: word.optional() });

const AsOf = z.union([Instant, z.string().regex(/^[0-9:/_.-]{1,200}$/)]).optional()
  .describe('as the log was at this instant (when the store took the events) or position, inclusive');
export const AsOfQuery = z.strictObject({ asOf: AsOf });

export const PageQuery = FilterQuery.extend({
  asOf: AsOf,
  limit: z.coerce.number().int().min(1).max(500).default(50),
  order: z.enum(['asc', 'desc']).default('desc'),
  cursor: z.string().max(200).optional(),
});
export type PageQuery = z.infer<typeof PageQuery>;

export function filterOf(query: Record<string, unknown>): Filter {
  const named = Object.fromEntries(filterFields.filter((field) => query[field] !== undefined).map((field) => [field, query[field]]));
  const spanned = Object.fromEntries(filterInstants
    .map((field): [InstantField, { from?: string; to?: string }] => [field, { from: query[`${field}From`] as string | undefined, to: query[`${field}To`] as string | undefined }])
    .filter(([, { from, to }]) => from !== undefined || to !== undefined));
  return { where: named, spans: spanned, ...(typeof query['error'] === 'string' && { error: query['error'] }) };
}

const instant = z.string().nullable();
export const Notification = z.object({
  notificationId: z.uuid(), attributionId: z.string(), borrowerId: z.string(), department: z.string().nullable(),
  type: z.enum(notificationTypes), channel: z.enum(channels), dueVersion: z.int(), occurrence: z.int(),
  status: z.enum(statuses).nullable().describe('null = skipped: it was not to be sent'),
  phase: z.string(), attemptId: z.string().nullable(), attempts: z.int(),
  errorClass: z.enum(errorClasses).nullable(), errorCode: z.string().nullable(), errorText: z.string().nullable(),
  delivery: z.enum(deliveries).nullable(), deliveryCode: z.string().nullable(), deliveryText: z.string().nullable(), receiptMissing: z.boolean(),
  providerId: z.string().nullable(), skipReason: z.string().nullable(), skipDetail: z.string().nullable(),
  waitingFor: z.string().nullable(), waitingUntil: instant, replaces: z.uuid().nullable(), replacedBy: z.uuid().nullable(), leader: z.uuid().nullable(), replays: z.int(),
  requestedAt: z.string(), dueAt: instant, validUntil: instant, attemptedAt: instant, sentAt: instant, deliveredAt: instant, readAt: instant, givenUpAt: instant, skippedAt: instant,
  recipient: z.string().nullable().describe('masked without the scope personal:read; [REDACTED] once forgotten or too old'),
  version: z.int(), lastEventId: z.uuid(), updatedAt: z.string(),
});
export type Notification = z.infer<typeof Notification>;

export const NotificationPage = z.object({ items: z.array(Notification), next: z.string().nullable().describe('cursor of the next page') });

export const TimelineEntry = z.object({
  version: z.int(), type: z.string(), at: z.string().describe('business time'), recordedAt: z.string().describe('real time'),
  actor: z.string().nullable(), correlationId: z.string().nullable(), data: z.record(z.string(), z.unknown().describe('any JSON')),
});
export const NotificationWithTimeline = Notification.extend({ timeline: z.array(TimelineEntry) });

export const IdParams = z.object({ id: Id });
export const NotificationParams = z.object({ id: z.uuid() });
export const NotificationQuestion = NotificationParams.extend({ asOf: AsOf });
