import { z } from 'zod';
import { Id, Instant, line, LocalDate, LocalTime, Zone } from './limits.ts';
import { LoanDuration } from './words.ts';

/** The item lent (`materiel`). */
export const Item = z.object({ code: line(64), name: line(200) });
export type Item = z.infer<typeof Item>;

/** When the item must be back. Without `time` the deadline is the desk's closing hour. */
export const Due = z.object({ date: LocalDate, time: LocalTime.optional(), zone: Zone });
export type Due = z.infer<typeof Due>;

/** The loan as it stands after the event that carries it. */
export const LoanSnapshot = z.object({
  attributionId: Id,
  borrowerId: Id,
  department: Id.optional(),
  category: Id.optional(),
  item: Item,
  duration: LoanDuration,
  due: Due,
  /** The due moment as an instant, so that neighbours need no calendar. */
  dueAt: Instant,
  dueVersion: z.int().min(1),
});
export type LoanSnapshot = z.infer<typeof LoanSnapshot>;

export const AttributionCreated = z.object({ loan: LoanSnapshot, at: Instant });
export type AttributionCreated = z.infer<typeof AttributionCreated>;

export const AttributionRescheduled = z.object({ loan: LoanSnapshot, previousDue: Due, at: Instant });
export type AttributionRescheduled = z.infer<typeof AttributionRescheduled>;

export const AttributionReturned = z.object({ loan: LoanSnapshot, returnedAt: Instant, at: Instant });
export type AttributionReturned = z.infer<typeof AttributionReturned>;

export const AttributionCancelled = z.object({ loan: LoanSnapshot, reason: line(200).optional(), at: Instant });
export type AttributionCancelled = z.infer<typeof AttributionCancelled>;

/** The loan is late. Repeated by policy: `occurrence` counts the notices, `level` is the escalation step from 1. */
export const AttributionOverdue = z.object({
  loan: LoanSnapshot,
  occurrence: z.int().min(1),
  daysLate: z.int().min(0),
  level: z.int().min(1),
  /** Loans of the same borrower that became late in the same window, this one among them; the first one's message tells of all. */
  companions: z.array(Id).min(2).max(50).optional(),
  at: Instant,
});
export type AttributionOverdue = z.infer<typeof AttributionOverdue>;
