import type { Provider } from '@nestjs/common';
import type { EventStore } from '@rappel/event-store';
import { connectBus, createStrategy, type ConsumerOptions, type DeadLetterSink, type Strategy } from '@rappel/messaging';
import { createPool, type Pool } from '@rappel/postgres';
import { createVault, migratePrivacy, sealing, type Vault } from '@rappel/privacy';
import type { BaseConfig } from './base-config.ts';
import { openEventStore } from './event-store.ts';
import type { HealthChecks } from './health.ts';
import type { Logger } from './logger.ts';
import type { Shutdown } from './shutdown.ts';
import { CONFIG, HEALTH, LOGGER, SHUTDOWN } from './tokens.ts';

/** `Pool` of the service's own tables. */
export const POOL = 'rappel:pool';
/** `NatsConnection` under the service's own user. */
export const BUS = 'rappel:bus';
/** `Vault`: opens personal parts at the point of use. */
export const VAULT = 'rappel:vault';
/** `EventStore` that seals the personal part of what is appended; what is read stays sealed. */
export const STORE = 'rappel:store';
/** `Strategy`: the service's durable consumers. */
export const STRATEGY = 'rappel:strategy';
/** `DeadLetterSink`, to be provided by the service beside `consuming`. */
export const DEAD_LETTERS = 'rappel:dead-letters';

export type Bus = Awaited<ReturnType<typeof connectBus>>;

async function openPool(config: BaseConfig, shutdown: Shutdown): Promise<Pool> {
  const pool = createPool(config.DATABASE_URL, { max: 10 });
  shutdown.add('pools', 'pool', () => pool.end());
  await migratePrivacy(pool);
  return pool;
}

async function openBus(config: BaseConfig, logger: Logger, shutdown: Shutdown, health: HealthChecks): Promise<Bus> {
  const { NATS_URL, NATS_USER: user, NATS_PASSWORD: pass, NATS_CREDS: credentialsFile, NATS_NKEY_SEED: nkeySeed } = config;
  const tls = { caFile: config.NATS_TLS_CA, certFile: config.NATS_TLS_CERT, keyFile: config.NATS_TLS_KEY };
  const bus = await connectBus({
    servers: NATS_URL, name: logger.bindings()['service'] as string, log: logger,
    ...(user && { user }), ...(pass && { pass }), ...(credentialsFile && { credentialsFile }), ...(nkeySeed && { nkeySeed }),
    ...(tls.caFile && { tls }),
  });
  shutdown.add('bus', 'NATS', () => bus.drain());
  health.add('nats', () => bus.flush());
  return bus;
}

async function openStore(config: BaseConfig, vault: Vault, shutdown: Shutdown, health: HealthChecks): Promise<EventStore> {
  const store = await openEventStore(config.EVENT_STORE_URL ?? config.DATABASE_URL);
  shutdown.add('stores', 'event store', () => store.close());
  health.add('event-store', () => store.head());
  return sealing(store, vault);
}

/** What every service stands on: `POOL`, `BUS`, `VAULT`, `STORE`. Each closes at its stage and says whether it is there. */
export const infrastructure: Provider[] = [
  { provide: POOL, useFactory: openPool, inject: [CONFIG, SHUTDOWN] },
  { provide: BUS, useFactory: openBus, inject: [CONFIG, LOGGER, SHUTDOWN, HEALTH] },
  {
    provide: VAULT,
    useFactory: (pool: Pool, config: BaseConfig): Vault => createVault({ pool, masterKey: config.RAPPEL_MASTER_KEY }),
    inject: [POOL, CONFIG],
  },
  { provide: STORE, useFactory: openStore, inject: [CONFIG, VAULT, SHUTDOWN, HEALTH] },
];

/** `STRATEGY` over the given durable consumers; what cannot be handled goes to `DEAD_LETTERS`. */
export const consuming = (...consumers: ConsumerOptions[]): Provider => ({
  provide: STRATEGY,
  useFactory: (bus: Bus, deadLetters: DeadLetterSink, logger: Logger, health: HealthChecks): Strategy => {
    const strategy = createStrategy({ bus, deadLetters, log: logger, consumers });
    health.add('consumers', () => {
      const problem = strategy.healthy();
      if (problem) throw new Error(problem);
    });
    return strategy;
  },
  inject: [BUS, DEAD_LETTERS, LOGGER, HEALTH],
});
