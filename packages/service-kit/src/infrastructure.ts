import type { Provider } from '@nestjs/common';
import type { EventStore } from '@rappel/event-store';
import { busRefusal, connectBus, createDeadLetters, createRelay, createStrategy, migrateMessaging, type ConsumerOptions, type DeadLetters, type DeadLetterSink, type Relay, type RelayOptions, type Strategy } from '@rappel/messaging';
import { createPool, type Pool } from '@rappel/postgres';
import { createVault, migratePrivacy, sealing, sealingDeadLetters, type Vault } from '@rappel/privacy';
import { lineSettings } from '@rappel/tls';
import type { Registry } from 'prom-client';
import type { BaseConfig } from './base-config.ts';
import { busOptions } from './bus-options.ts';
import { openEventStore } from './event-store.ts';
import type { HealthChecks } from './health.ts';
import type { Logger } from './logger.ts';
import { patiently } from './patience.ts';
import { measureConsumers, measureDeadLetters, measureRelay } from './measures.ts';
import type { Shutdown } from './shutdown.ts';
import { CONFIG, HEALTH, LOGGER, METRICS, SHUTDOWN } from './tokens.ts';

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
/** `DeadLetters`: what could not be handled, sealed under its borrower's key. */
export const DEAD_LETTERS = 'rappel:dead-letters';

/** `Relay`: what this service announces on its stream. */
export const RELAY = 'rappel:relay';

export type Bus = Awaited<ReturnType<typeof connectBus>>;

async function openPool(config: BaseConfig, shutdown: Shutdown): Promise<Pool> {
  const pool = createPool(config.DATABASE_URL, { max: 10 });
  shutdown.add('pools', 'pool', () => pool.end());
  await Promise.all([migratePrivacy(pool), migrateMessaging(pool)]);
  return pool;
}

async function openBus(config: BaseConfig, logger: Logger, shutdown: Shutdown, health: HealthChecks): Promise<Bus> {
  const options = busOptions(logger.bindings()['service'] as string, config);
  const bus = await patiently(connectBus({ ...options, log: logger }), {
    what: 'NATS', logger, why: () => busRefusal(options), settings: lineSettings.nats,
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

/** What every service stands on: `POOL`, `BUS`, `VAULT`, `STORE`, `DEAD_LETTERS`. Each closes at its stage and says whether it is there. */
export const infrastructure: Provider[] = [
  { provide: POOL, useFactory: openPool, inject: [CONFIG, SHUTDOWN] },
  { provide: BUS, useFactory: openBus, inject: [CONFIG, LOGGER, SHUTDOWN, HEALTH] },
  {
    provide: VAULT,
    useFactory: (pool: Pool, config: BaseConfig): Vault => createVault({ pool, masterKey: config.RAPPEL_MASTER_KEY }),
    inject: [POOL, CONFIG],
  },
  {
    provide: DEAD_LETTERS,
    useFactory: (pool: Pool, vault: Vault, registry: Registry): DeadLetters => {
      const deadLetters = createDeadLetters(pool, sealingDeadLetters(vault));
      measureDeadLetters(registry, deadLetters);
      return deadLetters;
    },
    inject: [POOL, VAULT, METRICS],
  },
  { provide: STORE, useFactory: openStore, inject: [CONFIG, VAULT, SHUTDOWN, HEALTH] },
];

/** `STRATEGY` over the given durable consumers; what cannot be handled goes to `DEAD_LETTERS`. */
export const consuming = (...consumers: ConsumerOptions[]): Provider => ({
  provide: STRATEGY,
  useFactory: (...[bus, deadLetters, logger, health, registry]: [Bus, DeadLetterSink, Logger, HealthChecks, Registry]): Strategy => {
    const strategy = createStrategy({ bus, deadLetters, log: logger, consumers });
    measureConsumers(registry, strategy);
    health.add('consumers', () => {
      const problem = strategy.healthy();
      if (problem) throw new Error(problem);
    });
    return strategy;
  },
  inject: [BUS, DEAD_LETTERS, LOGGER, HEALTH, METRICS],
});

/** `RELAY`: follows the store and publishes what `announce` makes of the events of these categories. */
export const relaying = (options: Pick<RelayOptions, 'stream' | 'categories' | 'announce' | 'name' | 'restMs'>): Provider => ({
  provide: RELAY,
  useFactory: (...[store, pool, bus, logger, health, shutdown, registry]: [EventStore, Pool, Bus, Logger, HealthChecks, Shutdown, Registry]): Relay => {
    const relay = createRelay({ ...options, store, pool, bus, log: logger });
    measureRelay(registry, relay, options.stream);
    shutdown.add('relays', 'relay', () => relay.close());
    health.add('relay', () => {
      const problem = relay.healthy();
      if (problem) throw new Error(problem);
    });
    return relay;
  },
  inject: [STORE, POOL, BUS, LOGGER, HEALTH, SHUTDOWN, METRICS],
});
