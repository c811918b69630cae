import { z } from 'zod';
import { Id, Instant } from './limits.ts';
import { LoanSnapshot } from './loan.ts';
import { Channel, ReminderType } from './words.ts';

/**
 * A reminder's moment has come. `loans` holds one loan, or several of one borrower that fell in the same window
 * and are told in one message; each keeps its own record in the log.
 */
export const ReminderDue = z.object({
  type: ReminderType,
  borrowerId: Id,
  loans: z.array(LoanSnapshot).min(1).max(50),
  occurrence: z.int().min(1),
  /** Channels that the policy restricts this rung to; absent = whatever the borrower prefers. */
  channels: z.array(Channel).min(1).optional(),
  /** When it was planned for; `at` is when it was emitted. */
  plannedFor: Instant,
  /** Useless after this instant: a reminder that cannot be sent by then is skipped as too late. */
  validUntil: Instant,
  policyVersion: z.int().min(1),
  at: Instant,
});
export type ReminderDue = z.infer<typeof ReminderDue>;

/** The moment at which an item not yet back is late (or late again). The loan service decides whether it is. */
export const OverdueMomentPassed = z.object({
  attributionId: Id,
  dueVersion: z.int().min(1),
  occurrence: z.int().min(1),
  level: z.int().min(1),
  daysLate: z.int().min(0),
  /** Loans of the same borrower that became late in the same window, this one among them; the first one's message tells of all. */
  companions: z.array(Id).min(2).max(50).optional(),
  plannedFor: Instant,
  at: Instant,
});
export type OverdueMomentPassed = z.infer<typeof OverdueMomentPassed>;
