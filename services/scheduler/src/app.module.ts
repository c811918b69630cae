import { Module } from '@nestjs/common';
import type { Clock } from '@rappel/contracts';
import type { EventStore } from '@rappel/event-store';
import { createDeadLetters, createRelay, migrateMessaging, type DeadLetters, type Relay } from '@rappel/messaging';
import type { Pool } from '@rappel/postgres';
import { createScheduler, openPolicyBook, prepareSchedules, type PolicyBook, type Scheduler } from '@rappel/scheduling';
import { BUS, CLOCK, CONFIG, consuming, DEAD_LETTERS, HEALTH, infrastructure, LOGGER, POOL, SHUTDOWN, STORE, type Bus, type HealthChecks, type Logger, type Shutdown } from '@rappel/service-kit';
import { announce } from './announce.ts';
import type { SchedulerConfig } from './config.ts';
import { PolicyController } from './policy/policy.controller.ts';
import { LoansController } from './schedule/loans.controller.ts';
import { ScheduleController } from './schedule/schedule.controller.ts';
import { BOOK, RELAY, SCHEDULER } from './tokens.ts';

interface Surroundings {
  store: EventStore;
  pool: Pool;
  clock: Clock;
  config: SchedulerConfig;
  logger: Logger;
}
/** The surroundings as one thing to inject. */
const SURROUNDINGS = 'scheduler:surroundings';

async function openScheduler({ store, pool, clock, config, logger }: Surroundings, book: PolicyBook, shutdown: Shutdown): Promise<Scheduler> {
  await prepareSchedules({ pool, store, book });
  const scheduler = createScheduler({
    store, pool, clock, book, batch: config.SCHEDULER_BATCH, lookAgainMs: config.SCHEDULER_LOOK_AGAIN_MS,
    onEmission: (emission) => logger.debug(emission, 'told'),
    onFailure: (err) => logger.warn({ err }, 'emission failed, trying again'),
  });
  shutdown.add('workers', 'scheduler', () => scheduler.stop());
  scheduler.start();
  return scheduler;
}

function openRelay({ store, pool, logger }: Surroundings, bus: Bus, shutdown: Shutdown, health: HealthChecks): Relay {
  const relay = createRelay({ store, pool, bus, stream: 'SCHEDULER', name: 'scheduler', categories: ['schedule'], announce, log: logger });
  shutdown.add('relays', 'relay', () => relay.close());
  health.add('relay', () => {
    const problem = relay.healthy();
    if (problem) throw new Error(problem);
  });
  return relay;
}

@Module({
  controllers: [LoansController, ScheduleController, PolicyController],
  providers: [
    ...infrastructure,
    consuming({ stream: 'LOAN', durable: 'scheduler', concurrency: 512 }),
    {
      provide: DEAD_LETTERS,
      useFactory: async (pool: Pool): Promise<DeadLetters> => {
        await migrateMessaging(pool);
        return createDeadLetters(pool);
      },
      inject: [POOL],
    },
    {
      provide: SURROUNDINGS,
      useFactory: (...[store, pool, clock, config, logger]: [EventStore, Pool, Clock, SchedulerConfig, Logger]): Surroundings => ({ store, pool, clock, config, logger }),
      inject: [STORE, POOL, CLOCK, CONFIG, LOGGER],
    },
    { provide: BOOK, useFactory: (store: EventStore, clock: Clock) => openPolicyBook(store, clock), inject: [STORE, CLOCK] },
    { provide: SCHEDULER, useFactory: openScheduler, inject: [SURROUNDINGS, BOOK, SHUTDOWN] },
    // The tables of the relay come with those of the dead letters.
    { provide: RELAY, useFactory: (surroundings: Surroundings, bus: Bus, shutdown: Shutdown, health: HealthChecks) => openRelay(surroundings, bus, shutdown, health), inject: [SURROUNDINGS, BUS, SHUTDOWN, HEALTH, DEAD_LETTERS] },
  ],
})
export class AppModule {}
