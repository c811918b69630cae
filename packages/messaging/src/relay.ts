import { jetstreamManager, type JetStreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { streams } from '@rappel/contracts';
import type { Batch, Checkpoint, EventStore, RecordedEvent } from '@rappel/event-store';
import type { Pool } from '@rappel/postgres';
import { connectionOf } from './connection.ts';
import { createLease, type HeldLease } from './lease.ts';
import { pause } from './pause.ts';
import { silent, type Announcement, type Log } from './port.ts';
import { findResume, type Resume } from './relay-position.ts';
import { findSettled } from './relay-settle.ts';
import { claimRelay, RelayFenced, type RelayMemory } from './relay-state.ts';
import { createWindow, RelayInterrupted, type Window } from './relay-window.ts';
import { backoff } from './worker.ts';

export interface RelayOptions {
  readonly store: Pick<EventStore, 'subscribe' | 'head'>;
  /** Holds the relay's memory and its lease; see `migrateMessaging`. */
  readonly pool: Pool;
  readonly bus: NatsConnection;
  /** Created here. Nobody else creates it. */
  readonly stream: string;
  /** Categories of the store whose events are announced. */
  readonly categories: readonly string[];
  /** Private event → public message, or nothing. Pure. If it throws, the relay stops there and says so until it does not any more. */
  readonly announce: (event: RecordedEvent) => Announcement | undefined;
  /** Names the lease and the memory. Default: the stream. */
  readonly name?: string;
  /** What the stream keeps. Default: as `@rappel/contracts` lists it. */
  readonly subjects?: readonly string[];
  /** Durables that must have acknowledged a message before it may go. Default: as `@rappel/contracts` lists them. */
  readonly consumers?: readonly string[];
  /** Durables of others that count while they are there. Default: as `@rappel/contracts` lists them. */
  readonly neighbours?: readonly string[];
  /** Copies of the stream in a cluster. Default 1. */
  readonly replicas?: number;
  /** Most messages that wait for their acknowledgement. Default 1024. */
  readonly window?: number;
  /**
   * Real milliseconds between two looks at the store once caught up: what comes meanwhile is read at once. One more for each event of
   * the last look, up to ten times as long, so that a busy relay looks seldom. The first after a pause goes without delay. Default 0.
   */
  readonly restMs?: number;
  /** How often the consumers' progress is looked at. Default 5 s. */
  readonly settleEveryMs?: number;
  /** Whether settled messages are removed from the stream. Default true. */
  readonly purge?: boolean;
  /** Default: says nothing. */
  readonly log?: Log;
}

export interface RelayStats {
  /** False: another instance publishes, this one waits. */
  readonly leading: boolean;
  readonly published: number;
  readonly duplicates: number;
  readonly inFlight: number;
  /** How often the stream was found to hold less than it had acknowledged. */
  readonly rewinds: number;
  /** Everything up to here is in the stream. Known while leading. */
  readonly checkpoint?: Checkpoint;
  /** Everything up to here was handled by every consumer. Known while leading. */
  readonly settled?: Checkpoint;
  /** Age of the newest event published, while there are more to publish; 0 when the end of the store was reached. */
  readonly lagMs: number;
}

export interface Relay {
  /** Why nothing gets published, or nothing. A relay that waits for the lease is healthy. */
  healthy(): string | undefined;
  stats(): RelayStats;
  /** Saves the checkpoint and gives the lease to whoever waits. */
  close(): Promise<void>;
}

const SAVE_EVERY_MS = 1000;

interface Listed { readonly subjects: readonly string[]; readonly consumers: readonly string[]; readonly neighbours?: readonly string[] }

/** What the options leave open is as the table of streams says. */
function settingsOf({ stream, subjects, consumers, neighbours, replicas }: RelayOptions) {
  const known = (streams as Record<string, Listed | undefined>)[stream];
  return {
    create: { subjects: subjects ?? known?.subjects ?? [], kind: 'log' as const, replicas },
    consumers: consumers ?? known?.consumers ?? [],
    neighbours: neighbours ?? known?.neighbours ?? [],
  };
}

interface Leadership {
  readonly jsm: JetStreamManager;
  readonly memory: RelayMemory;
  /** Aborted when the lease is lost or the relay closes. */
  readonly over: AbortSignal;
  readonly onProgress: () => void;
}

/** Follows the store and publishes what is to be announced: in order, at least once, whatever NATS loses. Starts at once. */
export function createRelay(options: RelayOptions): Relay {
  const { bus, stream, name = stream, restMs = 0, log = silent } = options;
  const settings = settingsOf(options);
  const connection = connectionOf(bus);
  const closing = new AbortController();
  const lease = createLease(options.pool, `relay:${name}`);
  const totals = { published: 0, duplicates: 0, rewinds: 0 };
  let memory: RelayMemory | undefined;
  let window: Window | undefined;
  let trouble: string | undefined = 'starting';
  let behindSince: string | undefined;

  /** Runs until closed: waits for the lease, leads, and starts over when something breaks. */
  const running = (async () => {
    for (let failures = 0; !closing.signal.aborted; failures++) {
      try {
        trouble = undefined;
        const held = await lease.acquire(closing.signal);
        log.info({ relay: name }, 'relay leads');
        await lead(held, () => { failures = 0; }).finally(() => held.release());
      } catch (error) {
        if (closing.signal.aborted) return;
        trouble = error instanceof Error ? error.message : String(error);
        log.warn({ relay: name, err: error }, 'relay stopped, starting over');
        await pause(backoff(Math.min(failures, 4), 250), closing.signal);
      } finally {
        memory = undefined;
      }
    }
  })();

  async function lead(held: HeldLease, onProgress: () => void): Promise<void> {
    memory = await claimRelay(options.pool, name);
    const jsm = await jetstreamManager(bus, { checkAPI: false, timeout: 2000 });
    const over = AbortSignal.any([held.lost, closing.signal]);
    for (let failures = 0; !over.aborted; failures++) {
      const interrupted = await leadOnce({ jsm, memory, over, onProgress: () => { failures = 0; onProgress(); } });
      if (!interrupted) break;
      if (interrupted.cause instanceof RelayFenced) throw interrupted.cause;
      trouble = interrupted.message;
      log.warn({ relay: name, reason: interrupted.message }, 'publishing interrupted');
      await pause(backoff(Math.min(failures, 3), 100), over);
    }
    if (!closing.signal.aborted) throw new Error('the lease is lost');
  }

  /** One stretch of publishing, from finding out where the stream stands until something interrupts it. */
  async function leadOnce(leadership: Leadership): Promise<RelayInterrupted | undefined> {
    const { jsm, memory } = leadership;
    if (bus.isClosed()) throw new Error('the connection to NATS is closed');
    const resume = await connection.during(() => findResume({ ...options, ...settings, jsm, memory, stream, log })).catch((error: unknown) => new RelayInterrupted(textOf(error), { cause: error }));
    if (resume instanceof RelayInterrupted) return resume;
    if (resume.remember) await memory.save(resume.remember);
    if (resume.rewound) totals.rewinds++;
    return publishFrom(resume, leadership);
  }

  async function publishFrom(resume: Resume, { jsm, memory, over, onProgress }: Leadership): Promise<RelayInterrupted | undefined> {
    const stop = new AbortController();
    const signal = AbortSignal.any([over, stop.signal]);
    let failure: RelayInterrupted | undefined;
    const end = (error: RelayInterrupted) => { failure ??= error; stop.abort(); };
    window = createWindow({ bus, size: options.window ?? 1024, ...resume, ackWithinMs: 5000, onInterrupt: end });
    const stretch = { window, memory, created: resume.created };
    const chores = [
      every(SAVE_EVERY_MS, signal, () => save(stretch)),
      every(options.settleEveryMs ?? 5000, signal, () => settle(stretch, jsm)),
    ];
    const forget = connection.onChange(() => { stretch.window.interrupt('the connection to NATS was lost'); });
    trouble = undefined;
    try {
      for await (const batch of options.store.subscribe({ categories: options.categories, after: resume.after, signal })) {
        await publishBatch(window, batch);
        onProgress();
        if (restMs > 0 && batch.caughtUp && batch.events.length > 0) await pause(Math.min(restMs + batch.events.length, 10 * restMs), signal);
      }
    } catch (error) {
      end(error instanceof RelayInterrupted ? error : new RelayInterrupted(textOf(error), { cause: error }));
    }
    forget();
    stop.abort();
    await Promise.all(chores);
    await save(stretch).catch(end);
    window.close();
    totals.published += window.counts.published;
    totals.duplicates += window.counts.duplicates;
    window = undefined;
    return over.aborted ? undefined : failure;
  }

  async function publishBatch(into: Window, batch: Batch): Promise<void> {
    for (const event of batch.events) {
      const announcement = options.announce(event);
      const room = announcement && into.publish({ id: event.id, position: event.checkpoint, announcement });
      if (room) await room;
      behindSince = event.recordedAt;
    }
    into.mark(batch.checkpoint);
    if (batch.caughtUp) behindSince = undefined;
  }

  async function save({ window, memory }: { window: Window; memory: RelayMemory }): Promise<void> {
    const { position, seq } = window.acknowledged();
    if (position !== memory.state().checkpoint) await memory.save({ checkpoint: position, lastSeq: seq });
  }

  async function settle({ window, memory, created }: { window: Window; memory: RelayMemory; created: string }, jsm: JetStreamManager): Promise<void> {
    const { position } = window.acknowledged();
    const settled = await connection.during(() => findSettled({ jsm, stream, consumers: settings.consumers, neighbours: settings.neighbours, acknowledged: position }));
    if (settled.created !== created) return window.interrupt('the stream is a new one');
    await save({ window, memory });
    if (settled.position !== undefined && settled.position > memory.state().settled) await memory.save({ settled: settled.position });
    // Only what PostgreSQL knows to be settled may go.
    if (options.purge !== false && settled.purgeBelow) await jsm.streams.purge(stream, { seq: settled.purgeBelow });
    return undefined;
  }

  /** Repeats a chore until the signal; a chore that fails interrupts the stretch. */
  async function every(ms: number, signal: AbortSignal, chore: () => Promise<void>): Promise<void> {
    while (!signal.aborted) {
      await pause(ms, signal);
      if (!signal.aborted) await chore().catch((error: unknown) => window?.interrupt(textOf(error), error));
    }
  }

  const now = ({ counts, inFlight, acknowledged }: Window) => ({
    published: totals.published + counts.published,
    duplicates: totals.duplicates + counts.duplicates,
    inFlight: inFlight(),
    checkpoint: acknowledged().position,
  });

  return {
    healthy: () => trouble && `relay ${name}: ${trouble}`,
    stats: () => ({
      leading: memory !== undefined,
      ...totals,
      inFlight: 0,
      ...(memory && { checkpoint: memory.state().checkpoint, settled: memory.state().settled }),
      ...(window && now(window)),
      lagMs: behindSince ? Math.max(0, Date.now() - Date.parse(behindSince)) : 0,
    }),
    close: async () => {
      closing.abort(new Error('closing'));
      await running;
    },
  };
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
