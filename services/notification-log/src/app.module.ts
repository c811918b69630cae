import { Module } from '@nestjs/common';
import type { Clock } from '@rappel/contracts';
import type { EventStore } from '@rappel/event-store';
import type { Pool } from '@rappel/postgres';
import type { Vault } from '@rappel/privacy';
import { readingLog } from '@rappel/read-model';
import { BUS, CLOCK, CONFIG, everyDay, HEALTH, infrastructure, LOGGER, METRICS, POOL, SHUTDOWN, STORE, VAULT, type Bus, type HealthChecks, type Logger, type Shutdown } from '@rappel/service-kit';
import type { Registry } from 'prom-client';
import { ExportController } from './api/export.controller.ts';
import { FeedController } from './api/feed.controller.ts';
import { createNotifications, type Notifications } from './api/notifications.ts';
import { NotificationsController } from './api/notifications.controller.ts';
import { ProjectionController } from './api/projection.controller.ts';
import { RetentionController } from './api/retention.controller.ts';
import { createStatistics, type Statistics } from './api/statistics.ts';
import { StatisticsController } from './api/statistics.controller.ts';
import type { LogConfig } from './config.ts';
import { createFeed } from './feed.ts';
import { measureProjection } from './measures.ts';
import { createProjector } from './projector.ts';
import { answerQueries } from './queries.ts';
import { createRecipients } from './recipients.ts';
import { createRecipientRetention, type RecipientRetention } from './retention.ts';
import { FEED, NOTIFICATIONS, PROJECTOR, RETENTION, STATISTICS } from './tokens.ts';

/** What the log is made from and where it is kept. */
interface LogData { readonly store: EventStore; readonly pool: Pool }
const LOG_DATA = 'notification-log:data';

@Module({
  controllers: [NotificationsController, ExportController, FeedController, StatisticsController, ProjectionController, RetentionController],
  providers: [
    ...infrastructure,
    {
      provide: LOG_DATA,
      useFactory: (store: EventStore, pool: Pool): LogData => ({ store, pool }),
      inject: [STORE, POOL],
    },
    {
      provide: PROJECTOR,
      useFactory: (...[data, logger, health, shutdown, registry, retention]: [LogData, Logger, HealthChecks, Shutdown, Registry, RecipientRetention]) => {
        const projector = createProjector({ ...data, logger, health, shutdown });
        measureProjection({ ...data, registry, projector, retention });
        return projector;
      },
      inject: [LOG_DATA, LOGGER, HEALTH, SHUTDOWN, METRICS, RETENTION],
    },
    {
      provide: NOTIFICATIONS,
      useFactory: (data: LogData, vault: Vault, clock: Clock, config: LogConfig) =>
        createNotifications({ store: data.store, pool: readingLog(data.pool), recipients: createRecipients({ vault, clock, days: config.RAPPEL_RECIPIENT_DAYS }) }),
      inject: [LOG_DATA, VAULT, CLOCK, CONFIG],
    },
    {
      provide: RETENTION,
      useFactory: (...[data, clock, config, logger, shutdown]: [LogData, Clock, LogConfig, Logger, Shutdown]): RecipientRetention => {
        const retention = createRecipientRetention({ ...data, clock, days: config.RAPPEL_RECIPIENT_DAYS });
        shutdown.add('workers', 'retention', everyDay('recipients redacted', (signal) => retention.run({ dryRun: false, actor: 'retention', signal }), logger));
        return retention;
      },
      inject: [LOG_DATA, CLOCK, CONFIG, LOGGER, SHUTDOWN],
    },
    {
      provide: STATISTICS,
      useFactory: (pool: Pool, clock: Clock, config: LogConfig) =>
        createStatistics({ pool: readingLog(pool), clock, zone: config.RAPPEL_DEFAULT_ZONE, dailyLimit: config.RAPPEL_WHATSAPP_DAILY_LIMIT }),
      inject: [POOL, CLOCK, CONFIG],
    },
    {
      provide: FEED,
      useFactory: (data: LogData, shutdown: Shutdown) => {
        const feed = createFeed(data);
        shutdown.add('feeds', 'live feeds', () => feed.close());
        return feed;
      },
      inject: [LOG_DATA, SHUTDOWN],
    },
    {
      provide: 'notification-log:queries',
      useFactory: (...[bus, notifications, statistics, logger, shutdown]: [Bus, Notifications, Statistics, Logger, Shutdown]) =>
        answerQueries({ bus, notifications, statistics, logger, shutdown }),
      inject: [BUS, NOTIFICATIONS, STATISTICS, LOGGER, SHUTDOWN],
    },
  ],
})
export class AppModule {}
