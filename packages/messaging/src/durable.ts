import { AckPolicy, DeliverPolicy, jetstreamManager, JetStreamApiError, type JetStreamManager } from '@nats-io/jetstream';
import { nanos, type Msg, type NatsConnection } from '@nats-io/nats-core';
import type { Envelope } from '@rappel/contracts';
import { connectionOf } from './connection.ts';
import { createDelivery, keyBy, type Delivery } from './delivery.ts';
import { createLanes, type Task } from './lanes.ts';
import type { DeadLetterSink, Handler, Log } from './port.ts';
import { createPull } from './pull.ts';
import { openRequests } from './requests.ts';
import { ensureConsumer, ensureStream, type StreamOptions } from './streams.ts';
import { createFilter } from './subjects.ts';
import { watchAdvisories } from './advisories.ts';
import { createWorker } from './worker.ts';

export interface DurableOptions {
  readonly stream: string;
  readonly durable: string;
  readonly filterSubjects: readonly string[];
  /** Handlers at once. */
  readonly concurrency: number;
  readonly maxTries: number;
  readonly ackWaitMs: number;
  readonly maxAckPending: number;
  readonly prefetch: number;
  /** Present: this durable's owner creates the stream. Absent: it waits for it. */
  readonly createStream?: StreamOptions;
  /** What an event is about that names no subject. */
  readonly about?: (event: Envelope) => string | undefined;
  /** Answer requests on these subjects. */
  readonly requests?: readonly string[];
  readonly closeWithinMs: number;
}

export interface DurableSurroundings {
  readonly bus: NatsConnection;
  readonly route: (subject: string) => Handler | undefined;
  readonly deadLetters: DeadLetterSink;
  readonly log: Log;
}

export interface DurableStats {
  readonly stream: string;
  readonly durable: string;
  /** Taken from the server and not finished. */
  readonly inFlight: number;
  readonly running: number;
  readonly acknowledged: number;
  readonly handedBack: number;
  readonly held: number;
  readonly deadLettered: number;
  readonly requests: number;
  readonly lastError?: string;
}

export interface Durable {
  /** Resolves when the durable is there and messages are asked for. */
  readonly ready: Promise<void>;
  /** Why it does not get messages, or nothing. */
  healthy(): string | undefined;
  stats(): DurableStats;
  /** Messages that the server has for it and that nobody acknowledged. Rejects when the server does not answer. */
  lag(): Promise<number>;
  close(): Promise<void>;
}

interface Work extends Task {
  readonly delivery: Delivery;
  holds: number;
  touchedAt: number;
}

/** One durable pull consumer, kept alive: created, updated and created again whenever NATS lost it. */
export function openDurable(options: DurableOptions, { bus, route, deadLetters, log }: DurableSurroundings): Durable {
  const { stream, durable, ackWaitMs } = options;
  const name = { stream, durable };
  const keyOf = keyBy(options.about);
  const held = new Map<string, Work>();
  const counts = { acknowledged: 0, handedBack: 0, held: 0, deadLettered: 0, requests: 0 };
  let trouble: string | undefined = 'starting';
  let lastError: string | undefined;
  let closing = false;
  let manager: Promise<JetStreamManager> | undefined;
  let incarnation: string | undefined;
  let suspended = true;
  const unsent: (() => void)[] = [];
  const connection = connectionOf(bus);
  const jsm = () => (manager ??= jetstreamManager(bus, { checkAPI: false, timeout: 2000 }));

  const wanted = createFilter(options.filterSubjects);
  const work = createWorker({ consumer: durable, route, wanted, deadLetters, maxTries: options.maxTries, log, now: () => new Date().toISOString() });
  const lanes = createLanes<Work>({ concurrency: options.concurrency, run });
  const pull = createPull({
    bus, ...name, prefetch: options.prefetch,
    onMessage: take,
    onMissing: (why) => { void ensure(why); },
  });

  async function run(task: Work): Promise<number | undefined> {
    const verdict = await work(task.delivery.incoming, task.holds);
    if (verdict.do === 'nak' || verdict.do === 'hold') lastError = verdict.why;
    if (verdict.do === 'hold' && !closing && !task.delivery.incoming.request) {
      counts.held++;
      task.holds++;
      return verdict.afterMs;
    }
    if (verdict.do === 'ack') counts.acknowledged++;
    else if (verdict.do === 'term') counts.deadLettered++;
    else counts.handedBack++;
    finish(task, () => task.delivery.settle(verdict.do === 'hold' ? { ...verdict, do: 'nak', afterMs: 0 } : verdict));
    return undefined;
  }

  /** Acknowledges, unless the stream that brought it is gone: its sequence numbers may mean other messages by now. */
  function finish(task: Work, settle: () => void): void {
    const { id, request } = task.delivery;
    if (!held.delete(id)) return;
    if (!request) pull.release();
    const was = incarnation;
    if (suspended && !request) unsent.push(() => { if (was === incarnation) settle(); });
    else settle();
  }

  function take(message: Msg): void {
    const delivery = createDelivery(message, stream, keyOf);
    const doubled = held.get(delivery.id);
    if (closing || doubled) {
      pull.release();
      // The same message again while it is being worked on: the work goes on, the newer delivery is the one to acknowledge.
      if (doubled) doubled.delivery.renew(message);
      else delivery.settle({ do: 'nak', afterMs: 0, why: 'closing' });
      return;
    }
    accept(delivery);
  }

  function accept(delivery: Delivery): void {
    const task: Work = { key: delivery.key, delivery, holds: 0, touchedAt: Date.now() };
    held.set(delivery.id, task);
    lanes.push(task);
  }

  // Whatever is here longer than a third of the ack wait is still being worked on (or waits for its turn).
  const keepAlive = setInterval(() => {
    const now = Date.now();
    for (const task of held.values()) {
      if (suspended || now - task.touchedAt < ackWaitMs / 3) continue;
      task.touchedAt = now;
      task.delivery.working();
    }
  }, Math.min(5000, ackWaitMs / 6));
  keepAlive.unref();

  let ensuring: Promise<void> | undefined;
  const ensure = (why: string): Promise<void> => (ensuring ??= ensureUntilThere(why).finally(() => { ensuring = undefined; }));
  async function ensureUntilThere(why: string): Promise<void> {
    suspended = true;
    trouble = why;
    for (let round = 0; ; round++) {
      try {
        if (!closing) await connection.during(ensureOnce);
        return;
      } catch (error) {
        const text = error instanceof Error ? error.message : String(error);
        trouble = error instanceof JetStreamApiError && error.code === 10059 ? `waiting for stream ${stream}` : text;
        if (round % 40 === 1) log.warn({ ...name, reason: trouble }, 'the durable is not ready');
        await new Promise((resolve) => { setTimeout(resolve, Math.min(500, 50 * 2 ** Math.min(round, 5))); });
      }
    }
  }
  async function ensureOnce(): Promise<void> {
    const js = await jsm();
    const created = await ensureStream(js, stream, options.createStream);
    const consumer = await ensureConsumer(js, stream, { config: wantedConsumer(options), adapt: incarnation === undefined });
    if (consumer !== 'as it was') log.warn({ ...name, filter: options.filterSubjects }, `the durable of an earlier version was ${consumer}`);
    if (!connection.connected()) return;
    if (incarnation !== undefined && incarnation !== created) log.warn({ ...name }, 'the stream is a new one: what was in flight comes again');
    incarnation = created;
    suspended = false;
    trouble = undefined;
    for (const send of unsent.splice(0)) send();
    pull.restart();
    log.info({ ...name, filter: options.filterSubjects }, 'durable ready');
  }

  const forget = connection.onChange((connected) => {
    suspended = true;
    trouble = 'NATS is not connected';
    if (connected) void ensure('connected again');
  });
  const requests = options.requests && openRequests({
    bus, subjects: options.requests, ...name, keyOf,
    take: (delivery) => {
      counts.requests++;
      if (closing || lanes.size() >= options.prefetch * 4) delivery.settle({ do: 'nak', afterMs: 0, why: 'busy' });
      else accept(delivery);
    },
  });
  const advisories = watchAdvisories({ bus, jsm, ...name, deadLetters, log, onStored: () => { counts.deadLettered++; } });
  const ready = ensure('starting');

  return {
    ready,
    healthy: () => trouble && `${stream}/${durable}: ${trouble}`,
    stats: () => ({ ...name, inFlight: held.size, running: lanes.running(), ...counts, ...(lastError && { lastError }) }),
    lag: async () => {
      const { num_pending, num_ack_pending } = await (await jsm()).consumers.info(stream, durable);
      return num_pending + num_ack_pending;
    },
    close: async () => {
      closing = true;
      const giveBack = (task: Work) => {
        counts.handedBack++;
        finish(task, () => task.delivery.settle({ do: 'nak', afterMs: 0, why: 'closing' }));
      };
      forget();
      requests?.unsubscribe();
      advisories.unsubscribe();
      const stopped = pull.stop();
      for (const task of lanes.stop()) giveBack(task);
      const limit = new Promise<void>((resolve) => { setTimeout(resolve, options.closeWithinMs).unref(); });
      await Promise.race([Promise.all([lanes.idle(), stopped]), limit]);
      for (const task of held.values()) giveBack(task);
      clearInterval(keepAlive);
      trouble = 'closed';
      if (!bus.isClosed() && !suspended) await bus.flush().catch(() => {});
    },
  };
}

/** More than any row of restarts, which deliver everything again that waits in a process. */
const BEYOND_RESTARTS = 10_000;

const wantedConsumer = ({ durable, ackWaitMs, maxAckPending, filterSubjects }: DurableOptions) => ({
  durable_name: durable,
  ack_policy: AckPolicy.Explicit,
  deliver_policy: DeliverPolicy.All,
  ack_wait: nanos(ackWaitMs),
  // The worker counts tries and buries long before; this is for one that no worker lives to count. See `watchAdvisories`.
  max_deliver: BEYOND_RESTARTS,
  max_ack_pending: maxAckPending,
  ...serverFilter(filterSubjects),
});

/**
 * One filter is the server's work. Several are ours: servers of the 2.10 line deliver a hundred messages a second through
 * `filter_subjects` (seen with 20,000 in the stream, against 20,000 a second without).
 */
const serverFilter = (filters: readonly string[]): { filter_subject?: string } => (filters.length === 1 ? { filter_subject: filters[0]! } : {});
