import { Due, Instant, Id, LoanDuration, Zone, type LoanSnapshot } from '@rappel/contracts';
import { resolveDue, type DueRules } from '@rappel/lending';
import { Policy } from '@rappel/scheduling';
import { z } from 'zod';

const LoanToPreview = z.object({
  duration: LoanDuration,
  /** Without a time or a zone it is completed as the loan service does. */
  due: Due.partial({ zone: true }),
  department: Id.optional(),
  category: Id.optional(),
  /** The borrower's zone; absent = the department's, else the due moment's. */
  zone: Zone.optional(),
});
type LoanToPreview = z.infer<typeof LoanToPreview>;

/** A loan, a policy, or a loan under a policy. `at` = as if it were then. */
export const Preview = z.object({ loan: LoanToPreview.optional(), policy: Policy.optional(), at: Instant.optional() })
  .refine(({ loan, policy }) => loan ?? policy, 'a loan, a policy or both');
export type Preview = z.infer<typeof Preview>;

const Rung = z.object({
  type: z.string(), n: z.int(), at: z.string(), until: z.string().optional(), channels: z.array(z.string()).optional(), level: z.int().optional(),
  skip: z.string().optional(), done: z.string().optional(), policy: z.int(), why: z.string(),
});
const Counts = z.object({ reminders: z.int(), messages: z.int() });

export const PreviewAnswer = z.object({
  at: z.string(),
  policyVersion: z.int(),
  loan: z.object({ zone: z.string(), rungs: z.array(Rung).readonly() }).optional(),
  change: z.object({
    loans: z.int(), loansChanged: z.int(),
    byType: z.record(z.string(), z.object({ before: Counts, after: Counts })).readonly(),
    examples: z.array(z.object({ attributionId: z.string(), before: z.array(z.string()).readonly(), after: z.array(z.string()).readonly() })).readonly(),
  }).optional(),
});

export const ScheduleAnswer = z.object({
  attributionId: Id, open: z.boolean(), due: Due, dueAt: z.string(), dueVersion: z.int(), policyVersion: z.int(), zone: z.string().optional(),
  rungs: z.array(Rung),
  recorded: z.array(z.object({ id: z.string(), type: z.string(), at: z.string(), recordedAt: z.string() })),
});

export const loanToPreview = ({ duration, due, department, category, zone }: LoanToPreview, rules: DueRules): LoanSnapshot => ({
  attributionId: 'preview', borrowerId: 'preview', item: { code: 'preview', name: 'preview' }, duration, ...resolveDue(due, { zone, department }, rules), dueVersion: 1,
  ...(department ? { department } : {}), ...(category ? { category } : {}),
});

export class ScheduleRefused extends Error {
  override readonly name = 'ScheduleRefused';
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}
