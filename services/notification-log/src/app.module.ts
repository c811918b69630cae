import { Module } from '@nestjs/common';
import type { Clock } from '@rappel/contracts';
import type { EventStore } from '@rappel/event-store';
import type { Pool } from '@rappel/postgres';
import type { Vault } from '@rappel/privacy';
import { CLOCK, CONFIG, HEALTH, infrastructure, LOGGER, METRICS, POOL, SHUTDOWN, STORE, VAULT, type HealthChecks, type Logger, type Shutdown } from '@rappel/service-kit';
import type { Registry } from 'prom-client';
import { createNotifications } from './api/notifications.ts';
import { NotificationsController } from './api/notifications.controller.ts';
import { ProjectionController } from './api/projection.controller.ts';
import { createStatistics } from './api/statistics.ts';
import { StatisticsController } from './api/statistics.controller.ts';
import type { LogConfig } from './config.ts';
import { measureProjection } from './measures.ts';
import { createProjector } from './projector.ts';
import { createRecipients } from './recipients.ts';
import { NOTIFICATIONS, PROJECTOR, STATISTICS } from './tokens.ts';

/** What the log is made from and where it is kept. */
interface LogData { readonly store: EventStore; readonly pool: Pool }
const LOG_DATA = 'notification-log:data';

@Module({
  controllers: [NotificationsController, StatisticsController, ProjectionController],
  providers: [
    ...infrastructure,
    {
      provide: LOG_DATA,
      useFactory: (store: EventStore, pool: Pool): LogData => ({ store, pool }),
      inject: [STORE, POOL],
    },
    {
      provide: PROJECTOR,
      useFactory: (...[data, logger, health, shutdown, registry]: [LogData, Logger, HealthChecks, Shutdown, Registry]) => {
        const projector = createProjector({ ...data, logger, health, shutdown });
        measureProjection({ ...data, registry, projector });
        return projector;
      },
      inject: [LOG_DATA, LOGGER, HEALTH, SHUTDOWN, METRICS],
    },
    {
      provide: NOTIFICATIONS,
      useFactory: (data: LogData, vault: Vault, clock: Clock, config: LogConfig) =>
        createNotifications({ ...data, recipients: createRecipients({ vault, clock, days: config.RAPPEL_RECIPIENT_DAYS }) }),
      inject: [LOG_DATA, VAULT, CLOCK, CONFIG],
    },
    {
      provide: STATISTICS,
      useFactory: (pool: Pool, clock: Clock, config: LogConfig) =>
        createStatistics({ pool, clock, zone: config.RAPPEL_DEFAULT_ZONE, dailyLimit: config.RAPPEL_WHATSAPP_DAILY_LIMIT }),
      inject: [POOL, CLOCK, CONFIG],
    },
  ],
})
export class AppModule {}
