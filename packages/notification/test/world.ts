import { randomUUID } from 'node:crypto';
import type { Channel } from '@rappel/contracts';
import { createInMemoryEventStore, readState, type EventStore } from '@rappel/event-store';
import { createGate, defaultDeliveryConfig, notificationFold, notificationStream, unlimited, workOnce, type DeliveryConfig, type DeliveryDependencies, type DeliveryNote, type Limiter, type Notification } from '../src/index.ts';
import { createFakeProvider, createMemoryWaiting, createScene, type Fate } from '../src/testing/index.ts';
import type { Outgoing, Provider } from '../src/provider.ts';

export interface WorldOptions {
  readonly channel?: Channel;
  readonly fate?: (outgoing: Outgoing) => Fate;
  readonly settle?: Provider['settle'];
  /** Whether the provider tells what became of a message. Default false. */
  readonly receipts?: boolean;
  readonly config?: Partial<DeliveryConfig>;
  readonly limiter?: Limiter;
  readonly store?: EventStore;
}

/** One channel's service on an in-memory store, with a clock that moves only when told. Business and real time run alike. */
export function createWorld({ channel = 'WHATSAPP', fate, settle, receipts = false, config, limiter = unlimited, store = createInMemoryEventStore() }: WorldOptions = {}) {
  let ms = Date.parse('2026-12-01T09:00:00.000Z');
  const now = (): string => new Date(ms).toISOString();
  const provider = createFakeProvider({ channel, receipts, ...(fate && { fate }), ...(settle && { settle }) });
  const waiting = createMemoryWaiting(now);
  const notes: DeliveryNote[] = [];
  const gate = createGate({ store, channel, limiter, realNow: now, newId: randomUUID });
  const deps: DeliveryDependencies = {
    channel, store, provider, waiting, gate, realNow: now, newId: randomUUID,
    clock: { now, realMsUntil: (at) => Date.parse(at) - ms },
    open: async (personal) => personal,
    sleep: async () => undefined,
    config: { ...defaultDeliveryConfig, patienceMs: 0, retry: { attempts: 3, delays: [60, 300] }, channels: { preferred: channel }, ...config },
    note: (note) => notes.push(note),
  };
  const state = async (notificationId: string): Promise<Notification> => (await readState(store, notificationFold, notificationStream(notificationId))).state;
  return {
    deps, provider, waiting, notes, gate, store, scene: createScene({ store, now }),
    now,
    /** Moves the clock and works off what is due then. */
    async pass(seconds: number): Promise<void> {
      ms += seconds * 1000;
      while ((await workOnce(deps)).claimed > 0) { /* until nothing is due */ }
    },
    state,
    types: async (notificationId: string): Promise<string[]> => (await store.readStream(notificationStream(notificationId))).map(({ type }) => type),
    /** All notifications of the store. */
    async all(): Promise<Notification[]> {
      const events = await store.readAll({ categories: ['notification'], limit: 10_000 });
      return Promise.all([...new Set(events.map(({ stream }) => stream))].map((stream) => state(stream.slice('notification-'.length))));
    },
  };
}
export type World = ReturnType<typeof createWorld>;
