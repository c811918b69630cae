import { BadRequestException } from '@nestjs/common';
import { LogMissing } from '@rappel/read-model';
import type { Bus, Logger, Shutdown } from '@rappel/service-kit';
import { z } from 'zod';
import type { Notifications } from './api/notifications.ts';
import { NotificationQuestion, PageQuery } from './api/schemas.ts';
import type { Statistics } from './api/statistics.ts';
import * as S from './api/statistics.schemas.ts';

interface Parts { readonly bus: Bus; readonly notifications: Notifications; readonly statistics: Statistics; readonly logger: Logger; readonly shutdown: Shutdown }

interface Question { readonly schema: z.ZodType; readonly answer: (query: never) => Promise<unknown> }
const question = <T extends z.ZodType>(schema: T, answer: (query: z.infer<T>) => Promise<unknown>): Question => ({ schema, answer: answer as Question['answer'] });

/**
 * The read API for services without HTTP: a request on `log.query.<name>` with the same parameters as JSON, answered with
 * the same JSON, or `{ error: { code, message } }`. Addresses are masked: who asks is a service, not a person.
 */
export function answerQueries({ bus, notifications, statistics, logger, shutdown }: Parts): void {
  const questions: Record<string, Question> = {
    notifications: question(PageQuery, (query) => notifications.page(query, false)),
    notification: question(NotificationQuestion, async (wanted) => await notifications.one(wanted, false) ?? failure('not-found', `there is no notification ${wanted.id}`)),
    status: question(S.StatusQuery, statistics.status),
    failures: question(S.FailuresQuery, statistics.failures),
    'send-rate': question(S.RateQuery, statistics.rate),
    'sent-today': question(S.TodayQuery, statistics.today),
    delays: question(S.DelaysQuery, statistics.delays),
    attempts: question(S.Scope, statistics.attempts),
    fallback: question(S.Scope, statistics.fallback),
    skips: question(S.DimensionsQuery, statistics.skips),
    deliveries: question(S.DimensionsQuery, statistics.deliveries),
    waiting: question(z.strictObject({}), statistics.waiting),
  };
  const answer = async (subject: string, payload: string): Promise<unknown> => {
    const name = subject.slice(PREFIX.length);
    const wanted = Object.hasOwn(questions, name) ? questions[name] : undefined;
    if (!wanted) return failure('not-found', `questions: ${Object.keys(questions).join(', ')}`);
    const parsed = wanted.schema.safeParse(readJson(payload));
    if (!parsed.success) return failure('invalid-input', parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ').slice(0, 500));
    return wanted.answer(parsed.data as never);
  };
  const serve = async (message: Msg): Promise<void> => {
    try {
      message.respond(JSON.stringify(await answer(message.subject, message.string())));
    } catch (err) {
      if (err instanceof BadRequestException) return void message.respond(JSON.stringify(failure('invalid-input', err.message)));
      if (err instanceof LogMissing) return void message.respond(JSON.stringify(failure(err.code, err.message)));
      logger.error({ err }, 'a question over NATS failed');
      message.respond(JSON.stringify(failure('internal', 'something went wrong on our side')));
    }
  };
  const subscription = bus.subscribe(`${PREFIX}*`, {
    // Instances share the questions.
    queue: 'notification-log',
    callback: (error, message) => { if (!error && message.reply) void serve(message); },
  });
  shutdown.add('intake', 'questions over NATS', () => subscription.drain());
}

type Msg = Parameters<NonNullable<NonNullable<Parameters<Bus['subscribe']>[1]>['callback']>>[1];

const PREFIX = 'log.query.';
const failure = (code: string, message: string) => ({ error: { code, message } });

function readJson(payload: string): unknown {
  if (payload.trim() === '') return {};
  try {
    return JSON.parse(payload) as unknown;
  } catch {
    return undefined;
  }
}
