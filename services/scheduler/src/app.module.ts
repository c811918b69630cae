import { Module } from '@nestjs/common';
import type { Clock } from '@rappel/contracts';
import type { EventStore } from '@rappel/event-store';
import type { Pool } from '@rappel/postgres';
import { createScheduler, openPolicyBook, prepareSchedules, type PolicyBook, type Scheduler } from '@rappel/scheduling';
import { CLOCK, CONFIG, consuming, infrastructure, LOGGER, METRICS, POOL, relaying, SHUTDOWN, STORE, type Logger, type Shutdown } from '@rappel/service-kit';
import type { Registry } from 'prom-client';
import { announce } from './announce.ts';
import type { SchedulerConfig } from './config.ts';
import { measureDue, measureEmissions } from './measures.ts';
import { PolicyController } from './policy/policy.controller.ts';
import { LoansController } from './schedule/loans.controller.ts';
import { ScheduleController } from './schedule/schedule.controller.ts';
import { BOOK, SCHEDULER } from './tokens.ts';

type Given = [EventStore, Pool, PolicyBook, Clock, SchedulerConfig, Logger, Shutdown, Registry];

async function openScheduler(...[store, pool, book, clock, config, logger, shutdown, registry]: Given): Promise<Scheduler> {
  await prepareSchedules({ pool, store, book });
  const measure = measureEmissions(registry);
  const scheduler = createScheduler({
    store, pool, clock, book, batch: config.SCHEDULER_BATCH, lookAgainMs: config.SCHEDULER_LOOK_AGAIN_MS, restMs: 150,
    onEmission: (emission) => {
      measure(emission);
      logger.debug({ loans: emission.loans, told: emission.told }, 'told');
    },
    onFailure: (err) => logger.warn({ err }, 'it failed and is tried again'),
  });
  shutdown.add('workers', 'scheduler', () => scheduler.stop());
  measureDue(registry, scheduler, clock);
  scheduler.start();
  return scheduler;
}

@Module({
  controllers: [LoansController, ScheduleController, PolicyController],
  providers: [
    ...infrastructure,
    // Plans share their insert, so many messages at once cost little more than one.
    consuming({ stream: 'LOAN', durable: 'scheduler', concurrency: 512 }),
    relaying({ stream: 'SCHEDULER', name: 'scheduler', categories: ['schedule'], announce }),
    { provide: BOOK, useFactory: (store: EventStore, clock: Clock) => openPolicyBook(store, clock), inject: [STORE, CLOCK] },
    { provide: SCHEDULER, useFactory: openScheduler, inject: [STORE, POOL, BOOK, CLOCK, CONFIG, LOGGER, SHUTDOWN, METRICS] },
  ],
})
export class AppModule {}
