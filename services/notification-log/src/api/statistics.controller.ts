import { Controller, Get, Inject, UseInterceptors } from '@nestjs/common';
import { Endpoint, Scopes, ZodQuery } from '@rappel/service-kit';
import type { z } from 'zod';
import { STATISTICS } from '../tokens.ts';
import { ETag } from './etag.ts';
import type { Statistics } from './statistics.ts';
import * as S from './statistics.schemas.ts';

type Query<T extends z.ZodType> = z.infer<T>;

/** Figures for analysts. They read counters that the projection keeps, so they stay fast however much is stored. */
@Controller()
@Scopes('log:read')
@UseInterceptors(ETag)
export class StatisticsController {
  readonly #statistics: Statistics;
  constructor(@Inject(STATISTICS) statistics: Statistics) {
    this.#statistics = statistics;
  }

  @Get('stats/status')
  @Endpoint({ summary: 'Notifications by status, type, channel or department', query: S.StatusQuery, answer: S.StatusAnswer, tags: ['statistics'] })
  status(@ZodQuery(S.StatusQuery) query: Query<typeof S.StatusQuery>) {
    return this.#statistics.status(query);
  }

  @Get('stats/failures')
  @Endpoint({ summary: 'Failures by class, code and message', query: S.FailuresQuery, answer: S.FailuresAnswer, tags: ['statistics'] })
  failures(@ZodQuery(S.FailuresQuery) query: Query<typeof S.FailuresQuery>) {
    return this.#statistics.failures(query);
  }

  @Get('stats/send-rate')
  @Endpoint({ summary: 'Sent per hour or day (UTC); default: the last day or 30 days', query: S.RateQuery, answer: S.RateAnswer, tags: ['statistics'] })
  rate(@ZodQuery(S.RateQuery) query: Query<typeof S.RateQuery>) {
    return this.#statistics.rate(query);
  }

  @Get('stats/sent-today')
  @Endpoint({ summary: 'Sent today in a zone, against the daily limit', query: S.TodayQuery, answer: S.TodayAnswer, tags: ['statistics'] })
  today(@ZodQuery(S.TodayQuery) query: Query<typeof S.TodayQuery>) {
    return this.#statistics.today(query);
  }

  @Get('stats/delays')
  @Endpoint({ summary: 'From due to sent, from sent to delivered and read, as percentiles', query: S.DelaysQuery, answer: S.DelaysAnswer, tags: ['statistics'] })
  delays(@ZodQuery(S.DelaysQuery) query: Query<typeof S.DelaysQuery>) {
    return this.#statistics.delays(query);
  }

  @Get('stats/attempts')
  @Endpoint({ summary: 'How many notifications needed how many attempts', query: S.Scope, answer: S.HistogramAnswer, tags: ['statistics'] })
  attempts(@ZodQuery(S.Scope) query: S.Scope) {
    return this.#statistics.attempts(query);
  }

  @Get('stats/fallback')
  @Endpoint({ summary: 'How often another channel stood in', query: S.Scope, answer: S.FallbackAnswer, tags: ['statistics'] })
  fallback(@ZodQuery(S.Scope) query: S.Scope) {
    return this.#statistics.fallback(query);
  }

  @Get('stats/skips')
  @Endpoint({ summary: 'What was not sent, by reason', query: S.DimensionsQuery, answer: S.SkipsAnswer, tags: ['statistics'] })
  skips(@ZodQuery(S.DimensionsQuery) query: Query<typeof S.DimensionsQuery>) {
    return this.#statistics.skips(query);
  }

  @Get('stats/deliveries')
  @Endpoint({ summary: 'What providers reported, by state', query: S.DimensionsQuery, answer: S.DeliveryAnswer, tags: ['statistics'] })
  deliveries(@ZodQuery(S.DimensionsQuery) query: Query<typeof S.DimensionsQuery>) {
    return this.#statistics.deliveries(query);
  }

  @Get('waiting')
  @Endpoint({ summary: 'What is not decided yet, and what it waits for', answer: S.WaitingAnswer, tags: ['statistics'] })
  waiting() {
    return this.#statistics.waiting();
  }
}
