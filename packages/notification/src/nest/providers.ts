import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Provider as NestProvider } from '@nestjs/common';
import type { Channel, Clock } from '@rappel/contracts';
import type { EventStore } from '@rappel/event-store';
import type { Pool } from '@rappel/postgres';
import type { Vault } from '@rappel/privacy';
import { CLOCK, CONFIG, HEALTH, LOGGER, METRICS, POOL, relaying, SHUTDOWN, STORE, VAULT, type HealthChecks, type Logger, type Shutdown } from '@rappel/service-kit';
import type { Registry } from 'prom-client';
import { announceNotification } from '../announce.ts';
import { defaultChannelPolicy } from '../channel-state.ts';
import { defaultDeliveryConfig, type DeliveryConfig, type DeliveryDependencies } from '../delivery/dependencies.ts';
import { createGate, type Gate } from '../gate.ts';
import { createLimiter } from '../limiter.ts';
import type { Provider } from '../provider.ts';
import type { WaitingList } from '../waiting.ts';
import { createPostgresWaiting, migrateDelivery } from '../waiting-postgres.ts';
import { startWorker, type Worker } from '../worker.ts';
import type { DeliveryServiceConfig } from './config.ts';
import { createNotes } from './notes.ts';
import { DELIVERY, GATE, PROVIDER, SENDER, WAITING, WORKER } from './tokens.ts';

const realNow = (): string => new Date().toISOString();

function settings(config: DeliveryServiceConfig): DeliveryConfig {
  return {
    ...defaultDeliveryConfig,
    retry: { attempts: config.RAPPEL_ATTEMPTS, delays: config.RAPPEL_RETRY_DELAYS },
    channels: { preferred: config.RAPPEL_PREFERRED_CHANNEL, perType: config.RAPPEL_TYPE_CHANNELS },
    leaseMs: config.DELIVERY_LEASE_MS,
    receiptSeconds: config.RAPPEL_RECEIPT_TIMEOUT,
    house: {
      closingHour: config.RAPPEL_CLOSING_HOUR,
      ...(config.RAPPEL_CONTACT && { contact: config.RAPPEL_CONTACT }),
      ...(config.RAPPEL_SENDER && { sender: config.RAPPEL_SENDER }),
    },
  };
}

async function openWaiting(channel: Channel, pool: Pool): Promise<WaitingList> {
  await migrateDelivery(pool);
  return createPostgresWaiting(pool, channel);
}

interface GateParts { channel: Channel; store: EventStore; pool: Pool; sender: string; config: DeliveryServiceConfig; logger: Logger }

async function openGate({ channel, store, pool, sender, config, logger }: GateParts, health: HealthChecks): Promise<Gate> {
  const gate = createGate({
    store, channel, realNow, newId: randomUUID,
    limiter: createLimiter({ pool, sender, perSecond: config.CHANNEL_RATE_PER_SECOND, perDay: config.CHANNEL_RATE_PER_DAY }),
    policy: { ...defaultChannelPolicy, probeAfterMs: config.CHANNEL_PROBE_MS },
    onChange: (state) => logger.warn({ channel, state }, `channel is ${state.kind}`),
  });
  await gate.refresh();
  health.add(`channel-${channel.toLowerCase()}`, () => {
    const state = gate.state();
    if (state.kind === 'paused') throw new Error(`paused since ${state.since}: ${state.text}`);
  }, { critical: false });
  return gate;
}

interface Parts { channel: Channel; store: EventStore; vault: Vault; provider: Provider; waiting: WaitingList; gate: Gate; clock: Clock; config: DeliveryServiceConfig }

function dependencies(parts: Parts, logger: Logger, registry: Registry): DeliveryDependencies {
  const { channel, store, vault, provider, waiting, gate, clock, config } = parts;
  return {
    channel, store, provider, waiting, gate, clock, realNow, newId: randomUUID,
    open: (personal) => vault.open(personal),
    sleep: async (ms) => { await sleep(ms); },
    config: settings(config),
    note: createNotes({ channel, logger, registry, gate, waiting }),
  };
}

function openWorker(deps: DeliveryDependencies, config: DeliveryServiceConfig, shutdown: Shutdown): Worker {
  const worker = startWorker(deps, { concurrency: config.DELIVERY_CONCURRENCY, claimMs: config.DELIVERY_LEASE_MS * 2 });
  shutdown.add('workers', 'worker', () => worker.stop());
  return worker;
}

/** Everything between the bus and a channel's `PROVIDER`; the service adds `PROVIDER`, `SENDER` and its consumers. */
export const delivering = (channel: Channel): NestProvider[] => [
  { provide: WAITING, useFactory: (pool: Pool) => openWaiting(channel, pool), inject: [POOL] },
  {
    provide: GATE,
    // The limiter's table comes with that of the waiting.
    useFactory: (...[store, pool, sender, config, logger, health]: [EventStore, Pool, string, DeliveryServiceConfig, Logger, HealthChecks]) => openGate({ channel, store, pool, sender, config, logger }, health),
    inject: [STORE, POOL, SENDER, CONFIG, LOGGER, HEALTH, WAITING],
  },
  {
    provide: DELIVERY,
    useFactory: (...[store, vault, provider, waiting, gate, clock, config, logger, registry]: [EventStore, Vault, Provider, WaitingList, Gate, Clock, DeliveryServiceConfig, Logger, Registry]) =>
      dependencies({ channel, store, vault, provider, waiting, gate, clock, config }, logger, registry),
    inject: [STORE, VAULT, PROVIDER, WAITING, GATE, CLOCK, CONFIG, LOGGER, METRICS],
  },
  { provide: WORKER, useFactory: openWorker, inject: [DELIVERY, CONFIG, SHUTDOWN] },
  relaying({ stream: 'NOTIFICATION', name: 'notification', categories: ['notification'], announce: announceNotification, restMs: 100 }),
];
