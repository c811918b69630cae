import { Controller, Get, Headers, HttpCode, Inject, Post } from '@nestjs/common';
import { CancelAttribution, CreateAttribution, Id, LoanSnapshot, RescheduleAttribution, ReturnAttribution } from '@rappel/contracts';
import { Caller, Endpoint, Scopes, ZodBody, ZodParams, type CallerIdentity } from '@rappel/service-kit';
import { z } from 'zod';
import { causeOfRequest } from '../cause.ts';
import { StoredAnswer, type Stored } from '../stored.ts';
import { LOANS } from '../tokens.ts';
import type { Loans } from './commands.ts';

const ById = z.object({ id: Id });
type ById = z.infer<typeof ById>;
const Reschedule = RescheduleAttribution.omit({ attributionId: true });
const GiveBack = ReturnAttribution.omit({ attributionId: true }).prefault({});
const Cancel = CancelAttribution.omit({ attributionId: true }).prefault({});
const AttributionAnswer = z.object({ status: z.enum(['out', 'returned', 'cancelled']), loan: LoanSnapshot, overdue: z.int().optional(), returnedAt: z.string().optional() });

/** Loans over HTTP. An `Idempotency-Key` header makes a repeated request change nothing. */
@Controller('attributions')
export class AttributionsController {
  private readonly loans: Loans;
  constructor(@Inject(LOANS) loans: Loans) {
    this.loans = loans;
  }

  @Post()
  @Scopes('loans:write')
  @Endpoint({ summary: 'Lend an item', body: CreateAttribution, answer: StoredAnswer, status: 201 })
  create(@ZodBody(CreateAttribution) body: CreateAttribution, @Caller() caller: CallerIdentity, @Headers() headers: Record<string, string>): Promise<Stored> {
    return this.loans.create(body, causeOfRequest(caller, headers));
  }

  @Post(':id/reschedule')
  @HttpCode(200)
  @Scopes('loans:write')
  @Endpoint({ summary: 'Move the due moment; reminders are armed anew', params: ById, body: Reschedule, answer: StoredAnswer, status: 200 })
  reschedule(@ZodParams(ById) { id }: ById, @ZodBody(Reschedule) body: z.infer<typeof Reschedule>, @Caller() caller: CallerIdentity, @Headers() headers: Record<string, string>): Promise<Stored> {
    return this.loans.reschedule({ ...body, attributionId: id }, causeOfRequest(caller, headers));
  }

  @Post(':id/return')
  @HttpCode(200)
  @Scopes('loans:write')
  @Endpoint({ summary: 'The item is back', params: ById, body: GiveBack, answer: StoredAnswer, status: 200 })
  giveBack(@ZodParams(ById) { id }: ById, @ZodBody(GiveBack) body: z.infer<typeof GiveBack>, @Caller() caller: CallerIdentity, @Headers() headers: Record<string, string>): Promise<Stored> {
    return this.loans.giveBack({ ...body, attributionId: id }, causeOfRequest(caller, headers));
  }

  @Post(':id/cancel')
  @HttpCode(200)
  @Scopes('loans:write')
  @Endpoint({ summary: 'The loan does not take place', params: ById, body: Cancel, answer: StoredAnswer, status: 200 })
  cancel(@ZodParams(ById) { id }: ById, @ZodBody(Cancel) body: z.infer<typeof Cancel>, @Caller() caller: CallerIdentity, @Headers() headers: Record<string, string>): Promise<Stored> {
    return this.loans.cancel({ ...body, attributionId: id }, causeOfRequest(caller, headers));
  }

  @Get(':id')
  @Scopes('log:read', 'loans:write')
  @Endpoint({ summary: 'The loan as it stands', params: ById, answer: AttributionAnswer })
  find(@ZodParams(ById) { id }: ById): Promise<object> {
    return this.loans.find(id);
  }
}
