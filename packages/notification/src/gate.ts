import type { Channel } from '@rappel/contracts';
import { isVersionConflict, type EventStore } from '@rappel/event-store';
import { channelFold, channelStream, defaultChannelPolicy, pause, resume, takeProbe, throttle, type ChannelEvent, type ChannelPolicy, type ChannelState } from './channel-state.ts';
import { longThrottles } from './error-classes.ts';
import type { DeferReason, Failure } from './events.ts';
import { eventId } from './ids.ts';

/** Leave to send one message. */
export interface Limiter {
  /** Waits at most `maxWaitMs` real milliseconds for leave. A refusal says why and, real milliseconds, when to come back. */
  take(maxWaitMs: number): Promise<{ readonly ok: true } | { readonly ok: false; readonly reason: 'rate' | 'daily-limit'; readonly afterMs: number }>;
}

export const unlimited: Limiter = { take: async () => ({ ok: true }) };

export type Entry = { readonly ok: true } | { readonly ok: false; readonly reason: DeferReason; readonly afterMs: number };

/** Whether a channel takes messages now. One per process; what one process learns the others see within `refresh`. */
export interface Gate {
  state(): ChannelState;
  /** Reads the channel's state again. */
  refresh(): Promise<ChannelState>;
  /** Asks for leave to send one message. `probe` = try although it is paused. `isNew` = it has not waited yet: behind a queue it does. */
  enter(options: { readonly maxWaitMs: number; readonly probe?: boolean; readonly isNew?: boolean }): Promise<Entry>;
  /**
   * What a look at the waiting found: somebody was `refused` leave, or at least there was as `much` as could be claimed. From a refusal
   * until the queue is short again, those who wait come first, by their urgency.
   */
  looked(found: { readonly refused: boolean; readonly much: boolean }): void;
  /** Real milliseconds until something may pass again on a throttled channel, or over the limit per second; 0 = now. */
  restMs(): number;
  /** True for one worker of all when it is time to try one notification on the paused channel. */
  takeProbe(): Promise<boolean>;
  /** A failure that concerns everybody, told by the provider's answer or by a later receipt. */
  failed(kind: 'pause' | 'throttle', failure: Failure, how?: { readonly retryAfterMs?: number; readonly by?: 'provider' | 'receipt' }): Promise<void>;
  /** Counts a message that was taken in this process. */
  taken(): void;
  /**
   * Counts a message that was refused because the channel is too fast. True where it alone is refused so: since its last refusal
   * in this process ten times as many were taken as were refused, as with a server that is reluctant about one recipient.
   */
  refusedAlone(notificationId: string): boolean;
  /** A message was taken, or arrived: a channel that an answer, or a receipt, paused works again. */
  succeeded(how?: 'taken' | 'arrived'): Promise<void>;
  /** By an operator, until resumed by one. */
  pause(actor: string, why: string): Promise<void>;
  resume(actor: string): Promise<void>;
}

export interface GateOptions {
  readonly store: EventStore;
  readonly channel: Channel;
  readonly limiter: Limiter;
  /** UTC ISO, real time. */
  readonly realNow: () => string;
  readonly newId: () => string;
  readonly policy?: ChannelPolicy;
  /** Told of each change. */
  readonly onChange?: (state: ChannelState) => void;
}

const MOST_REMEMBERED = 10_000;
const TAKEN_FOR_EACH_REFUSED = 10;

export function createGate({ store, channel, limiter, realNow, newId, policy = defaultChannelPolicy, onChange }: GateOptions): Gate {
  const stream = channelStream(channel);
  let restUntil = 0;
  let queueing = false;
  const counts = { taken: 0, refused: 0 };
  const whenRefused = new Map<string, { readonly taken: number; readonly refused: number }>();
  let known: { state: ChannelState; version: number } = { state: channelFold.initial, version: 0 };

  async function refresh(): Promise<ChannelState> {
    const [last] = await store.readStream(stream, { backwards: true, limit: 1 });
    if (last && last.version > known.version) {
      known = { state: channelFold.evolve(channelFold.initial, last), version: last.version };
      onChange?.(known.state);
    }
    return known.state;
  }

  /** Each event carries the whole state, so the last one is all that a decision needs. True when it was this call that changed it. */
  async function change(decide: (state: ChannelState) => ChannelEvent[]): Promise<boolean> {
    for (;;) {
      await refresh();
      const events = decide(known.state);
      if (events.length === 0) return false;
      const id = newId();
      try {
        await store.append(stream, events.map(({ type, data }) => ({ id: eventId(channel, id, type), type, data: JSON.parse(JSON.stringify(data)) as object })), known.version);
        await refresh();
        return true;
      } catch (error) {
        if (!isVersionConflict(error)) throw error;
      }
    }
  }

  const throttledMs = (): number => (known.state.kind === 'throttled' ? Date.parse(known.state.until) - Date.parse(realNow()) : 0);
  const closedFor = (probe: boolean): Entry | undefined => {
    if (known.state.kind === 'paused' && !probe) return { ok: false, reason: 'paused', afterMs: 0 };
    const throttled = throttledMs();
    return throttled > 0 ? { ok: false, reason: 'throttled', afterMs: throttled } : undefined;
  };
  const trouble = (by: string, { text, code }: { text: string; code?: string }) => ({ channel, by, text, code, now: realNow() });
  return {
    state: () => known.state,
    refresh,
    async enter({ maxWaitMs, probe = false, isNew = false }) {
      const closed = closedFor(probe) ?? (isNew && queueing ? { ok: false, reason: 'rate', afterMs: 0 } as const : undefined);
      if (closed) return closed;
      const leave = await limiter.take(maxWaitMs);
      // What is new goes behind the queue then; it is for those who wait to say that there is nothing to be had.
      if (!leave.ok && leave.reason === 'rate' && !isNew) restUntil = Date.parse(realNow()) + leave.afterMs;
      return leave;
    },
    looked({ refused, much }) { queueing = refused || (queueing && much); },
    restMs: () => Math.max(0, throttledMs(), restUntil - Date.parse(realNow())),
    takeProbe: () => change((state) => takeProbe(state, { channel, now: realNow() }, policy)),
    async failed(kind, failure, { retryAfterMs, by = 'provider' } = {}) {
      const seconds = failure.code === undefined ? undefined : longThrottles.get(failure.code);
      const forMs = seconds === undefined ? retryAfterMs : seconds * 1000;
      await change((state) => (kind === 'pause'
        ? pause(state, trouble(by, failure), policy)
        : throttle(state, { ...trouble(by, failure), forMs }, policy)));
    },
    taken() { counts.taken++; },
    refusedAlone(notificationId) {
      counts.refused++;
      const last = whenRefused.get(notificationId);
      if (whenRefused.size >= MOST_REMEMBERED) whenRefused.clear();
      whenRefused.set(notificationId, { ...counts });
      return last !== undefined && counts.taken - last.taken >= TAKEN_FOR_EACH_REFUSED * (counts.refused - last.refused);
    },
    async succeeded(how = 'taken') {
      // That a message is taken says nothing where receipts told of the trouble; and what arrives before anything was tried is old.
      const heals = (state: ChannelState): boolean => state.kind === 'paused' && (how === 'taken' ? state.by === 'provider' : state.by === 'receipt' && state.probes > 0);
      if (heals(known.state)) await change((state) => (heals(state) ? resume(state, { channel, by: 'probe', now: realNow() }) : []));
    },
    async pause(actor, why) { await change((state) => pause(state, trouble(actor, { text: why }), policy)); },
    async resume(actor) { await change((state) => resume(state, { channel, by: actor, now: realNow() })); },
  };
}
