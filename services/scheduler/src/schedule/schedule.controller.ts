import { Controller, Get, HttpCode, Inject, Post } from '@nestjs/common';
import { Id, Instant, type Clock } from '@rappel/contracts';
import { previewLoan, type PolicyBook, type Scheduler } from '@rappel/scheduling';
import { CLOCK, CONFIG, dueRulesOf, Endpoint, Scopes, ZodBody, ZodParams } from '@rappel/service-kit';
import { z } from 'zod';
import type { SchedulerConfig } from '../config.ts';
import { BOOK, SCHEDULER } from '../tokens.ts';
import { loanToPreview, Preview, PreviewAnswer, ScheduleAnswer, ScheduleRefused } from './shapes.ts';

const ById = z.object({ attributionId: Id });
const RebuildAnswer = z.object({ loans: z.int(), at: Instant });

/** What a loan will send, when and why; what a policy would change. */
@Controller('schedule')
export class ScheduleController {
  private readonly scheduler: Scheduler;
  private readonly book: PolicyBook;
  private readonly clock: Clock;
  private readonly config: SchedulerConfig;
  constructor(@Inject(SCHEDULER) scheduler: Scheduler, @Inject(BOOK) book: PolicyBook, @Inject(CLOCK) clock: Clock, @Inject(CONFIG) config: SchedulerConfig) {
    this.scheduler = scheduler;
    this.book = book;
    this.clock = clock;
    this.config = config;
  }

  @Post('preview')
  @HttpCode(200)
  @Scopes('log:read', 'loans:write', 'ops')
  @Endpoint({ summary: 'What a loan would send, or what a policy would change for the loans that are out; nothing is stored', body: Preview, answer: PreviewAnswer, status: 200 })
  async preview(@ZodBody(Preview) { loan, policy, at: asked }: Preview): Promise<z.input<typeof PreviewAnswer>> {
    const at = asked ?? this.clock.now();
    const current = this.book.active();
    const active = policy ? { version: current.version + 1, at, policy } : current;
    return {
      at, policyVersion: active.version,
      ...(loan ? { loan: previewLoan({ loan: loanToPreview(loan, dueRulesOf(this.config)), ...(loan.zone ? { zone: loan.zone } : {}), active, at }) } : {}),
      ...(policy ? { change: await this.scheduler.preview(policy, at) } : {}),
    };
  }

  @Get(':attributionId')
  @Scopes('log:read', 'ops')
  @Endpoint({ summary: "A loan's schedule: what was sent, what was not and why, what is to come", params: ById, answer: ScheduleAnswer })
  async find(@ZodParams(ById) { attributionId }: z.infer<typeof ById>): Promise<z.input<typeof ScheduleAnswer>> {
    const schedule = await this.scheduler.explained(attributionId);
    if (!schedule) throw new ScheduleRefused('unknown-attribution', `no schedule is known for attribution ${attributionId}`);
    const events = await this.scheduler.recorded(attributionId);
    const { loan, open, zone, policyVersion } = schedule;
    return {
      attributionId, open, due: loan.due, dueAt: loan.dueAt, dueVersion: loan.dueVersion, policyVersion, ...(zone ? { zone } : {}),
      rungs: [...schedule.rungs],
      recorded: events.map(({ id, type, data, recordedAt }) => ({ id, type, at: (data as { at: string }).at, recordedAt })),
    };
  }

  @Post('rebuild')
  @HttpCode(200)
  @Scopes('admin')
  @Endpoint({ summary: 'Empties the table of schedules and fills it again from the events', answer: RebuildAnswer, status: 200 })
  async rebuild(): Promise<z.infer<typeof RebuildAnswer>> {
    return { loans: await this.scheduler.rebuild(), at: this.clock.now() };
  }
}
