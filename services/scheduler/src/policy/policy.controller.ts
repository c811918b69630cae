import { Controller, Get, Inject, Put } from '@nestjs/common';
import { line } from '@rappel/contracts';
import { Policy, type PolicyBook, type RecordedPolicy } from '@rappel/scheduling';
import { Caller, Endpoint, Scopes, ZodBody, ZodQuery, type CallerIdentity } from '@rappel/service-kit';
import { z } from 'zod';
import { ScheduleRefused } from '../schedule/shapes.ts';
import { BOOK } from '../tokens.ts';

const Change = z.object({
  policy: Policy,
  /** The version the change was made from: refused when another is in force by now. */
  basedOn: z.int().min(1),
  why: line(500),
});
const Which = z.object({ version: z.coerce.number().int().min(1).optional() });
const PolicyAnswer = z.object({ version: z.int(), at: z.string(), policy: Policy, actor: z.string().optional(), why: z.string().optional() });

/** The policy in force, those before it, and its change. A change plans open loans anew and is recorded with who and why. */
@Controller('policy')
export class PolicyController {
  private readonly book: PolicyBook;
  constructor(@Inject(BOOK) book: PolicyBook) {
    this.book = book;
  }

  @Get()
  @Scopes('log:read', 'loans:write', 'ops')
  @Endpoint({ summary: 'The policy in force, or an earlier version', query: Which, answer: PolicyAnswer })
  find(@ZodQuery(Which) { version }: z.infer<typeof Which>): RecordedPolicy {
    const found = version === undefined ? this.book.active() : this.book.all()[version - 1];
    if (!found) throw new ScheduleRefused('unknown-policy', `there is no version ${version}`);
    return found;
  }

  @Put()
  @Scopes('ops', 'admin')
  @Endpoint({ summary: 'Put a policy in force', body: Change, answer: PolicyAnswer })
  activate(@ZodBody(Change) { policy, basedOn, why }: z.infer<typeof Change>, @Caller() { actor }: CallerIdentity): Promise<RecordedPolicy> {
    return this.book.activate({ policy, basedOn, why, actor });
  }
}
