import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { CanActivate, DynamicModule, INestApplication, Type } from '@nestjs/common';
import type { CustomTransportStrategy } from '@nestjs/microservices';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { passErrors } from '@rappel/messaging';
import { migrateAuth } from '@rappel/auth';
import { createPool } from '@rappel/postgres';
import type { Pool } from '@rappel/postgres';
import { lineSettings } from '@rappel/tls';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { createAuthenticator, createScopeGuard, openGuard } from './auth/guard.ts';
import type { BaseConfig } from './base-config.ts';
import { clockFrom } from './clock.ts';
import { createHealthChecks } from './health.ts';
import { createErrorFilter } from './http/error-filter.ts';
import { createHttp } from './http/fastify.ts';
import { SERVICE_NAME, SystemController } from './http/system.controller.ts';
import type { Logger } from './logger.ts';
import { measureHealth } from './measures.ts';
import { nestLogger } from './nest-logger.ts';
import { withPatience } from './patience.ts';
import { releaseMemory } from './release-memory.ts';
import { createShutdown, onSignals } from './shutdown.ts';
import type { Shutdown } from './shutdown.ts';
import { CLOCK, CONFIG, HEALTH, LOGGER, METRICS, SHUTDOWN } from './tokens.ts';

export type Strategies = readonly CustomTransportStrategy[];

export interface ServiceOptions {
  /** As in logs and on the API page, e.g. `loan`. */
  readonly name: string;
  /** The service's only module. The tokens of `tokens.ts` are there for it to inject. */
  readonly module: Type | DynamicModule;
  readonly config: BaseConfig;
  readonly logger: Logger;
  /** Nest microservices beside HTTP, started before the service is ready: given, or made from what the module provides. */
  readonly strategies?: Strategies | ((app: INestApplication) => Strategies | Promise<Strategies>);
}

export interface RunningService {
  readonly url: string;
  /** What a signal does, without ending the process. */
  stop(): Promise<void>;
}

/** Each look at the event loop's lag wakes the process: at the library's 10 ms that is most of what an idle one does. */
const LAG_EVERY_MS = 100;

/**
 * Runs one service: HTTP with authentication, limits, health, metrics and API page, the given strategies, and an orderly end
 * on SIGTERM and SIGINT. Rejects when it cannot start; `main.ts` may let that end the process.
 */
export async function runService(options: ServiceOptions): Promise<RunningService> {
  const { name, config, logger } = options;
  const health = createHealthChecks();
  const shutdown = createShutdown(logger);
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LAG_EVERY_MS });
  measureHealth(registry, health);
  onSignals({ shutdown, logger, timeoutMs: config.SHUTDOWN_TIMEOUT_MS });

  const pool = createPool(config.DATABASE_URL, { max: 2, name: `rappel-${name}-auth` });
  shutdown.add('pools', 'authentication pool', () => pool.end());
  health.add('database', () => pool.query('SELECT 1'));
  await withPatience(() => pool.query('SELECT 1'), { what: 'PostgreSQL', logger, settings: lineSettings.postgres });

  const kit = kitModule(options, { [CONFIG]: config, [LOGGER]: logger, [CLOCK]: clockFrom(config), [HEALTH]: health, [SHUTDOWN]: shutdown, [METRICS]: registry, [SERVICE_NAME]: name });
  const [app] = await Promise.all([
    NestFactory.create<NestFastifyApplication>(kit, await createHttp(config, registry), { logger: nestLogger(logger), abortOnError: false }),
    migrateAuth(pool),
  ]);
  app.useGlobalFilters(createErrorFilter(logger));
  allowOrigins(app, config);
  app.useGlobalGuards(guardFor(pool, config));
  shutdown.add('feeds', 'readiness', () => health.setServing(false));
  await releaseMemory();
  await start(app, options, shutdown);
  health.setServing(true);
  const url = await app.getUrl();
  logger.info({ url, startedInMs: Math.round(performance.now()) }, `${name} is ready`);
  return { url, stop: () => shutdown.run() };
}

async function start(app: NestFastifyApplication, { strategies = [], config }: ServiceOptions, shutdown: Shutdown): Promise<void> {
  for (const strategy of typeof strategies === 'function' ? await strategies(app) : strategies) {
    // Deferred: filters are refused once it is initialised, and without this one Nest would hide what a handler threw.
    app.connectMicroservice({ strategy }, { inheritAppConfig: false, deferInitialization: true }).useGlobalFilters(passErrors);
  }
  shutdown.add('intake', 'HTTP and consumers', () => app.close());
  await app.startAllMicroservices();
  await app.listen(config.PORT, config.HOST);
}

/** Tokens travel in a header, never in a cookie, so no credentials are allowed. Without configured origins browsers keep other sites out. */
function allowOrigins(app: NestFastifyApplication, { RAPPEL_CORS_ORIGINS: origins }: BaseConfig): void {
  if (origins.length === 0) return;
  app.enableCors({
    origin: origins.includes('*') ? '*' : origins, methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'], maxAge: 600,
    allowedHeaders: ['authorization', 'content-type', 'if-none-match', 'last-event-id', 'traceparent'], exposedHeaders: ['etag', 'content-disposition', 'retry-after'],
  });
}

function guardFor(pool: Pool, config: BaseConfig): CanActivate {
  return config.RAPPEL_AUTH === 'off' ? openGuard : createScopeGuard(createAuthenticator(pool, config));
}

function kitModule({ module }: ServiceOptions, values: Record<string, unknown>): DynamicModule {
  class KitModule {}
  const providers = Object.entries(values).map(([provide, useValue]) => ({ provide, useValue }));
  return { module: KitModule, global: true, imports: [module as Type], controllers: [SystemController], providers, exports: providers.map(({ provide }) => provide) };
}
