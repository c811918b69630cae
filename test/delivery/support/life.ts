import { randomUUID } from 'node:crypto';
import type { NatsConnection } from '@nats-io/nats-core';
import type { Channel } from '@rappel/contracts';
import type { EventStore } from '@rappel/event-store';
import { connectBus, createRelay, createStrategy, type Announcement, type Message } from '@rappel/messaging';
import { createMemoryDeadLetters } from '@rappel/messaging/testing';
import { announceNotification, createGate, createPostgresWaiting, defaultDeliveryConfig, deliver, startWorker, unlimited, type DeliveryDependencies, type Provider } from '@rappel/notification';
import { createPool, type Pool } from '@rappel/postgres';
import { createFuse, fusedProvider, fusedStore, fusedWaiting, type Fuse, type Point } from './fuse.ts';

export interface LifeOptions {
  /** Names streams, durable, relays and the list of what waits: the lives of one case share them, cases do not. */
  readonly name: string;
  readonly loan: string;
  readonly channel: Channel;
  readonly provider: Provider;
  readonly store: EventStore;
  readonly pool: Pool;
  readonly postgresUrl: string;
  readonly natsUrl: string;
  /** Where it ends; absent = it lives on. */
  readonly end?: Point;
  /** It comes when every lease of the dead one is over, so that nobody has to wait for it. Default false. */
  readonly comesLater?: boolean;
}

/** As in production: a slow machine is no crash. */
const LEASE_MS = 30_000;

export interface Life {
  /** Resolves at its end point. */
  readonly over: Promise<void>;
  readonly deps: DeliveryDependencies;
  /** Messages that its consumer has not acknowledged. */
  lag(): Promise<number>;
  /** As `kill -9` would: connections go, nothing is finished or said. */
  kill(): Promise<void>;
}

/** Publishes through the fuse: what a dead process was about to publish never leaves. */
function fusePublishing(bus: NatsConnection, name: string, fuse: Fuse): void {
  const publish = bus.publish.bind(bus);
  bus.publish = (subject, payload, options) => {
    if (!subject.startsWith(`${name}.`)) return fuse.isBlown() ? undefined : publish(subject, payload, options);
    const what = `publish ${subject.slice(subject.lastIndexOf('.') + 1)}`;
    void fuse.at(`before ${what}`);
    if (fuse.isBlown()) return undefined;
    publish(subject, payload, options);
    void bus.flush().then(() => fuse.at(`after ${what}`), () => undefined);
    return undefined;
  };
}

/**
 * One life of a channel's service, from the loan's event in the store to the notification's outcome on the bus: relay → stream →
 * durable consumer → delivery → provider, a worker for what waits, and the relay of the outcomes. Real PostgreSQL and NATS.
 */
export async function startLife({ name, loan, channel, provider, store, pool, postgresUrl, natsUrl, end, comesLater = false }: LifeOptions): Promise<Life> {
  const fuse = createFuse(end);
  const session = `${name}-${randomUUID().slice(0, 8)}`;
  const own = createPool(postgresUrl, { max: 4, name: session });
  const bus = await connectBus({ servers: natsUrl, name: session });
  fusePublishing(bus, name, fuse);
  const now = (): string => new Date().toISOString();
  const realNow = comesLater ? (): string => new Date(Date.now() + LEASE_MS).toISOString() : now;
  const deps: DeliveryDependencies = {
    channel, realNow, newId: randomUUID,
    store: fusedStore(store, fuse), waiting: fusedWaiting(createPostgresWaiting(pool, `${channel}-${name}` as Channel), fuse), provider: fusedProvider(provider, fuse),
    gate: createGate({ store, channel, limiter: unlimited, realNow: now, newId: randomUUID }),
    clock: { now, realMsUntil: (at) => Date.parse(at) - Date.now() },
    open: async (personal) => personal, sleep: (ms) => new Promise((resolve) => { setTimeout(resolve, ms); }), note: () => undefined,
    config: { ...defaultDeliveryConfig, leaseMs: LEASE_MS, retry: { attempts: 5, delays: [0.2] }, channels: { preferred: channel } },
  };

  const relay = (kind: 'in' | 'out', category: string, announce: (event: Parameters<typeof announceNotification>[0]) => Announcement | undefined) => createRelay({
    store, pool: own, bus, stream: `${name}-${kind}`, categories: [category], subjects: [`${name}.${kind}.>`], consumers: [], purge: false, announce,
  });
  const relays = [
    relay('in', 'attribution', ({ stream, id, type, data }) => (stream === `attribution-${loan}` && type === 'AttributionCreated'
      ? { subject: `${name}.in.${type}`, event: { specversion: '1.0', id, source: '/test', type, subject: loan, data } } : undefined)),
    relay('out', 'notification', (event) => {
      const announcement = announceNotification(event);
      return announcement?.event.subject === loan ? { ...announcement, subject: `${name}.out.${announcement.event.type}` } : undefined;
    }),
  ];

  const strategy = createStrategy({
    bus, closeWithinMs: 1, deadLetters: { ...createMemoryDeadLetters(), store: (letter) => { throw new Error(`buried: ${letter.reason}`); } },
    consumers: [{ stream: `${name}-in`, durable: 'channel', subjects: [`${name}.in.>`], ackWaitMs: 1000, concurrency: 4 }],
  });
  strategy.addHandler(`${name}.in.*`, async (message: Message) => {
    await fuse.at('before handling');
    const outcome = await deliver(deps, { ...message, subject: 'loan.attribution-created.v1' });
    await fuse.at('before ack');
    return outcome;
  }, true);
  bus.subscribe(`$JS.ACK.${name}-in.>`, { callback: (_, message) => { if (message.string() === '+ACK') void fuse.at('after ack'); } });
  strategy.listen(() => undefined);
  const worker = startWorker(deps, { pollMs: 50, claimMs: 1500 });

  return {
    over: fuse.blown, deps,
    lag: async () => Object.values(await strategy.lag())[0]!,
    async kill() {
      // First what it could still write with: no checkpoint is saved on the way out.
      const ended = own.end();
      await pool.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1', [session]);
      await bus.close();
      await Promise.all([ended, strategy.close(), ...relays.map((one) => one.close())]);
      const stopped = worker.stop();
      // A dead one hangs in a call that never comes back.
      if (!fuse.isBlown()) await stopped;
    },
  };
}
