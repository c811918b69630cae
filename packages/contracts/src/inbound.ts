import { z } from 'zod';
import { Id, line, Moment, optionalLine, Zone } from './limits.ts';
import { Due, Item } from './loan.ts';
import { Channel, LoanDuration, Locale } from './words.ts';

/** What the borrower consented to, per channel, and how they want it. */
export const Preferences = z.object({
  email: z.boolean().default(true),
  whatsapp: z.boolean().default(true),
  /** The channel to use when both are allowed; absent = the service's default. */
  preferred: Channel.optional(),
  /** Send on every allowed channel instead of one. */
  both: z.boolean().default(false),
  /** Whether an email may replace a WhatsApp message that was given up; only where email is allowed. */
  fallback: z.boolean().default(true),
});
export type Preferences = z.infer<typeof Preferences>;

/**
 * A borrower as upstream knows them. Phone and email are taken as they come (an unusable one is a fact the log records),
 * only length and characters are checked here; an empty one is none.
 */
export const Borrower = z.object({
  id: Id,
  firstName: line(100),
  lastName: optionalLine(100),
  email: optionalLine(254),
  phone: optionalLine(64),
  locale: z.string().max(35).transform((l) => Locale.catch('fr').parse(l.slice(0, 2).toLowerCase())).default('fr'),
  zone: Zone.optional(),
  preferences: Preferences.prefault({}),
});
export type Borrower = z.infer<typeof Borrower>;

/** `data` of an inbound `AttributionCreated`. `due.zone` defaults to the borrower's zone, else the department's. */
export const CreateAttribution = z.object({
  attributionId: Id,
  borrower: Borrower,
  item: Item,
  duration: LoanDuration,
  due: Due.partial({ zone: true }),
  department: Id.optional(),
  category: Id.optional(),
  at: Moment.optional(),
});
export type CreateAttribution = z.infer<typeof CreateAttribution>;

export const RescheduleAttribution = z.object({ attributionId: Id, due: Due.partial({ zone: true }), at: Moment.optional() });
export type RescheduleAttribution = z.infer<typeof RescheduleAttribution>;

export const ReturnAttribution = z.object({ attributionId: Id, returnedAt: Moment.optional(), at: Moment.optional() });
export type ReturnAttribution = z.infer<typeof ReturnAttribution>;

export const CancelAttribution = z.object({ attributionId: Id, reason: optionalLine(200), at: Moment.optional() });
export type CancelAttribution = z.infer<typeof CancelAttribution>;

/** `data` of an inbound `BorrowerUpdated`: the whole borrower as they are now. */
export const UpdateBorrower = z.object({ borrower: Borrower, at: Moment.optional() });
export type UpdateBorrower = z.infer<typeof UpdateBorrower>;

/** What upstream may publish on `inbound.*`: CloudEvents type → schema of `data`. */
export const inboundTypes = {
  AttributionCreated: CreateAttribution,
  AttributionRescheduled: RescheduleAttribution,
  AttributionReturned: ReturnAttribution,
  AttributionCancelled: CancelAttribution,
  BorrowerUpdated: UpdateBorrower,
} as const;
export type InboundType = keyof typeof inboundTypes;
