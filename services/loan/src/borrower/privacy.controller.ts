import { Controller, Get, HttpCode, Inject, Post, Res } from '@nestjs/common';
import { Id } from '@rappel/contracts';
import type { SubjectAccessFile } from '@rappel/privacy';
import { Endpoint, Scopes, ZodBody, ZodParams } from '@rappel/service-kit';
import { z } from 'zod';
import { RETENTION, SUBJECT_ACCESS } from '../tokens.ts';
import type { Retention, RetentionRun } from './retention.ts';

const ById = z.object({ id: Id });
const Run = z.object({ dryRun: z.boolean().default(true) }).prefault({});
const RunAnswer = z.object({ before: z.string(), borrowers: z.int(), deadLetterDays: z.int(), dryRun: z.boolean() });
const anything = z.record(z.string(), z.unknown().describe('any JSON'));
const HeldEvent = z.object({ id: z.uuid(), type: z.string(), recordedAt: z.iso.datetime(), data: anything, metadata: anything, personal: anything.optional().describe('in clear, or that it was erased') });
const HeldLetter = z.object({ id: z.string(), subject: z.string(), reason: z.string(), at: z.string(), payload: z.string() });
const FileAnswer = z.object({
  subject: z.string(), at: z.iso.datetime(), explanation: z.string(),
  streams: z.record(z.string(), z.array(HeldEvent)), deadLetters: z.array(HeldLetter),
});
/** Makes the file about one borrower. */
export type SubjectAccess = (borrowerId: string) => Promise<SubjectAccessFile>;

/** What is held about a borrower, and letting go of what is held too long. */
@Controller()
export class PrivacyController {
  private readonly fileAbout: SubjectAccess;
  private readonly retention: Retention;
  constructor(@Inject(SUBJECT_ACCESS) fileAbout: SubjectAccess, @Inject(RETENTION) retention: Retention) {
    this.fileAbout = fileAbout;
    this.retention = retention;
  }

  @Get('borrowers/:id/data')
  @Scopes('personal:read')
  @Endpoint({ summary: 'Everything held about the borrower, in clear, as one file', params: ById, answer: FileAnswer })
  async data(@ZodParams(ById) { id }: z.infer<typeof ById>, @Res({ passthrough: true }) reply: { header(name: string, value: string): unknown }): Promise<SubjectAccessFile> {
    reply.header('content-disposition', `attachment; filename="borrower-${id.replaceAll(':', '_')}.json"`);
    return this.fileAbout(id);
  }

  @Post('retention')
  @HttpCode(200)
  @Scopes('admin')
  @Endpoint({ summary: 'Erase the personal data of borrowers whose loans are long over; counts only unless dryRun is false', body: Run, answer: RunAnswer, status: 200 })
  run(@ZodBody(Run) { dryRun }: z.infer<typeof Run>): Promise<RetentionRun> {
    return this.retention({ dryRun });
  }
}
