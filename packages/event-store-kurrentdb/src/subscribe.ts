import { setTimeout as sleep } from 'node:timers/promises';
import type { AllStreamRecordedEvent, AllStreamResolvedEvent, AllStreamSubscription, KurrentDBClient } from '@kurrent/kurrentdb-client';
import { START, isStoreUnavailable, type Batch, type Checkpoint, type RecordedEvent, type SubscribeOptions } from '@rappel/event-store';
import { translated } from './calls.ts';
import { checkpointOf, decode, positionOf } from './codec.ts';
import { filterOf } from './read.ts';

const LONGEST_PAUSE_MS = 2000;
// A mark of the position is sent after about this many events of other categories (in units of 32).
const CHECKPOINT_INTERVAL = 8;

export interface Source {
  readonly client: KurrentDBClient;
  /** The last event of these categories. */
  readonly head: (categories: readonly string[] | undefined) => Promise<Checkpoint>;
  /** Aborted by `close`. */
  readonly closed: AbortSignal;
}

/** What came in and was not handed out yet. Bounded: when it is full, reading stops and the server's flow control does the rest. */
interface Inbox {
  readonly events: RecordedEvent[];
  checkpoint: Checkpoint;
  /** The server says that its end was reached. */
  live: boolean;
  /** There is something to say even without an event. */
  news: boolean;
  wake: () => void;
  /** Takes more out of the connection, now that there is room. */
  refill: () => void;
}

/** A filtered subscription to everything, made again from where it was whenever it breaks. */
export async function* subscribe(source: Source, options: SubscribeOptions): AsyncGenerator<Batch> {
  const { after = START, categories, batchSize = 500, signal } = options;
  if (categories?.length === 0) return;
  const finished = new AbortController();
  const stop = AbortSignal.any([source.closed, finished.signal, ...(signal ? [signal] : [])]);
  const inbox: Inbox = { events: [], checkpoint: after, live: false, news: false, wake: () => undefined, refill: () => undefined };
  let failure: unknown;
  stop.addEventListener('abort', () => inbox.wake(), { once: true });
  void receive(source, { inbox, categories, room: batchSize * 2, stop })
    .catch((error: unknown) => { failure = error; })
    .finally(() => inbox.wake());
  try {
    while (!stop.aborted) {
      const batch = take(inbox, batchSize);
      if (batch) yield batch;
      else if (failure) throw failure;
      else await new Promise<void>((resolve) => { inbox.wake = resolve; });
    }
  } finally {
    finished.abort();
  }
}

function take(inbox: Inbox, batchSize: number): Batch | undefined {
  if (inbox.events.length === 0 && !inbox.news) return undefined;
  const events = inbox.events.splice(0, batchSize);
  const isAll = inbox.events.length === 0;
  if (isAll) inbox.news = false;
  inbox.refill();
  return { events, checkpoint: isAll ? inbox.checkpoint : events.at(-1)!.checkpoint, caughtUp: isAll && inbox.live };
}

interface Receiving {
  readonly inbox: Inbox;
  readonly categories: readonly string[] | undefined;
  readonly room: number;
  readonly stop: AbortSignal;
}

async function receive(source: Source, receiving: Receiving): Promise<void> {
  const { inbox, stop } = receiving;
  for (let pause = 50; !stop.aborted; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    const from = inbox.checkpoint;
    try {
      await receiveOnce(source, receiving);
    } catch (error) {
      const reason = translated(error);
      if (!isStoreUnavailable(reason)) throw reason;
    }
    inbox.live = false;
    if (inbox.checkpoint > from) pause = 50;
    await sleep(pause, undefined, { signal: stop }).catch(() => undefined);
  }
}

async function receiveOnce({ client, head }: Source, { inbox, categories, room, stop }: Receiving): Promise<void> {
  // Servers before 23.10 do not say when the end is reached: having passed what was the end says as much.
  const end = await head(categories);
  const subscription: AllStreamSubscription = client.subscribeToAll({
    fromPosition: positionOf(inbox.checkpoint) ?? 'start',
    filter: { ...filterOf(categories), checkpointInterval: CHECKPOINT_INTERVAL, checkpointReached: async (_, position) => { drain(Infinity); moveTo(checkpointOf(position)); } },
  });

  const stopped = new Promise<void>((resolve) => { stop.addEventListener('abort', () => resolve(), { once: true }); });
  // Everything is taken from the stream's own buffer in order, so that no mark overtakes an event.
  function drain(most: number): void {
    while (inbox.events.length < most) {
      const next = subscription.read() as AllStreamResolvedEvent | null;
      if (!next) return;
      const recorded = next.event && decode(next.event as AllStreamRecordedEvent);
      if (!recorded || recorded.checkpoint <= inbox.checkpoint) continue;
      inbox.events.push(recorded);
      moveTo(recorded.checkpoint);
    }
  }
  function moveTo(checkpoint: Checkpoint): void {
    if (checkpoint > inbox.checkpoint) {
      inbox.checkpoint = checkpoint;
      inbox.news = true;
    }
    if (checkpoint >= end) reachedEnd();
    inbox.wake();
  }
  function reachedEnd(): void {
    inbox.news ||= !inbox.live;
    inbox.live = true;
    inbox.wake();
  }

  inbox.refill = () => drain(room);
  const ended = new Promise<void>((resolve, reject) => {
    subscription.on('error', reject);
    subscription.on('close', () => resolve());
    subscription.on('end', () => resolve());
    subscription.on('confirmation', () => { if (inbox.checkpoint >= end) reachedEnd(); });
    subscription.on('caughtUp', () => { drain(Infinity); reachedEnd(); });
    subscription.on('fellBehind', () => { inbox.live = false; });
    subscription.on('readable', () => drain(room));
  });
  try {
    if (!stop.aborted) await Promise.race([ended, stopped]);
  } finally {
    inbox.refill = () => undefined;
    ended.catch(() => undefined);
    await subscription.unsubscribe().catch(() => undefined);
  }
}
