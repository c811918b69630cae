import { Controller, Get, Headers, Inject, Post, Put } from '@nestjs/common';
import { Borrower, Id, Locale, Preferences, UpdateBorrower } from '@rappel/contracts';
import { Caller, Endpoint, hasScope, Scopes, ZodBody, ZodParams, type CallerIdentity } from '@rappel/service-kit';
import { z } from 'zod';
import { causeOfRequest } from '../cause.ts';
import { StoredAnswer, type Stored } from '../stored.ts';
import { BORROWERS } from '../tokens.ts';
import type { Borrowers } from './commands.ts';

const ById = z.object({ id: Id });
type ById = z.infer<typeof ById>;
const Update = Borrower.omit({ id: true }).extend({ at: UpdateBorrower.shape.at });
const Forget = z.object({ why: z.string().min(3).max(500) });
const BorrowerAnswer = z.object({
  borrowerId: Id, locale: Locale, zone: z.string().optional(), preferences: Preferences,
  /** Which addresses there are. */
  has: z.object({ email: z.boolean(), phone: z.boolean() }),
  firstName: z.string(), lastName: z.string().optional(), email: z.string().optional(), phone: z.string().optional(),
});

/** Borrowers over HTTP. Without the scope `personal:read` names and addresses come masked. */
@Controller('borrowers')
export class BorrowersController {
  private readonly borrowers: Borrowers;
  constructor(@Inject(BORROWERS) borrowers: Borrowers) {
    this.borrowers = borrowers;
  }

  @Put(':id')
  @Scopes('loans:write')
  @Endpoint({ summary: 'The borrower as they are now', params: ById, body: Update, answer: StoredAnswer })
  update(@ZodParams(ById) { id }: ById, @ZodBody(Update) { at, ...borrower }: z.infer<typeof Update>, @Caller() caller: CallerIdentity, @Headers() headers: Record<string, string>): Promise<Stored> {
    return this.borrowers.update({ borrower: { ...borrower, id }, at }, causeOfRequest(caller, headers));
  }

  @Get(':id')
  @Scopes('log:read', 'loans:write')
  @Endpoint({ summary: 'The borrower, masked without the scope personal:read', params: ById, answer: BorrowerAnswer })
  find(@ZodParams(ById) { id }: ById, @Caller() caller: CallerIdentity): Promise<object> {
    return this.borrowers.find(id, { masked: !hasScope(caller, 'personal:read') });
  }

  @Post(':id/forget')
  @Scopes('admin')
  @Endpoint({ summary: 'Destroy the key of everything personal that is held about the borrower; cannot be undone', params: ById, body: Forget, answer: StoredAnswer, status: 201 })
  forget(@ZodParams(ById) { id }: ById, @ZodBody(Forget) { why }: z.infer<typeof Forget>, @Caller() caller: CallerIdentity, @Headers() headers: Record<string, string>): Promise<Stored> {
    return this.borrowers.forget(id, why, causeOfRequest(caller, headers));
  }
}
