import { Controller, Get, HttpCode, Inject, Post } from '@nestjs/common';
import { Caller, Endpoint, Scopes, ZodBody, type CallerIdentity } from '@rappel/service-kit';
import { z } from 'zod';
import type { RecipientRetention, RecipientRun } from '../retention.ts';
import { RETENTION } from '../tokens.ts';

const Run = z.object({ dryRun: z.boolean().default(true) }).prefault({});
const RunAnswer = z.object({ before: z.string().describe('requested before'), recipients: z.int().describe('how many the log held'), dryRun: z.boolean() });
const Steps = z.object({ items: z.array(z.object({ before: z.string().describe('requested before'), notifications: z.int(), at: z.string(), actor: z.string().nullable() })) });

/** Letting go of recipients that are too old; the service does it by itself once a day. */
@Controller('retention')
export class RetentionController {
  readonly #retention: RecipientRetention;
  constructor(@Inject(RETENTION) retention: RecipientRetention) {
    this.#retention = retention;
  }

  @Get()
  @Scopes('ops', 'admin')
  @Endpoint({ summary: 'What was redacted, newest first', answer: Steps, tags: ['retention'] })
  async done(): Promise<z.infer<typeof Steps>> {
    return { items: await this.#retention.done() };
  }

  @Post()
  @HttpCode(200)
  @Scopes('admin')
  @Endpoint({ summary: 'Redact the recipients of old notifications; counts only unless dryRun is false', body: Run, answer: RunAnswer, status: 200, tags: ['retention'] })
  run(@ZodBody(Run) { dryRun }: z.infer<typeof Run>, @Caller() { actor }: CallerIdentity): Promise<RecipientRun> {
    return this.#retention.run({ dryRun, actor });
  }
}
