import type { Checkpoint, EventStore, RecordedEvent } from '@rappel/event-store';
import { notificationStream } from '@rappel/notification';
import type { Pool } from '@rappel/postgres';
import { logState } from '@rappel/read-model';

/** Live events of notifications, in the order of the store, no gap and none twice. */
export interface Feed {
  /** Events after a checkpoint (default: from now on) as the log takes them in; an empty page is a sign of life. Ends with the signal. */
  follow(options: { after?: Checkpoint; signal: AbortSignal }): AsyncGenerator<readonly RecordedEvent[]>;
  /** Ends every follower. */
  close(): void;
}

export interface FeedOptions {
  readonly store: EventStore;
  readonly pool: Pool;
  /** Real milliseconds between two looks at the log's position while anybody listens. Default 250. */
  readonly everyMs?: number;
  /** Real milliseconds of silence before an empty page. Default 15,000. */
  readonly aliveMs?: number;
}

const PAGE = 200;

/** An event is only told once the log has it, so who asks the log about it finds it there. Each follower reads at its own pace. */
export function createFeed({ store, pool, everyMs = 250, aliveMs = 15_000 }: FeedOptions): Feed {
  const closing = new AbortController();
  const position = createPosition(async () => (await logState(pool))?.checkpoint ?? '', everyMs);
  return {
    close: () => closing.abort(),
    async *follow({ after, signal }) {
      const ending = AbortSignal.any([signal, closing.signal]);
      let at = after ?? (await position.now());
      while (!ending.aborted) {
        const known = await position.beyond(at, AbortSignal.any([ending, AbortSignal.timeout(aliveMs)]));
        if (known === undefined) {
          if (!ending.aborted) yield [];
          continue;
        }
        const page = await store.readAll({ after: at, categories: ['notification'], limit: PAGE });
        const events = page.filter(({ checkpoint }) => checkpoint <= known);
        at = events.length === page.length && page.length === PAGE ? page.at(-1)!.checkpoint : known;
        if (events.length > 0) yield events;
      }
    },
  };
}

/** One look at the log's position for all who wait, and none while nobody does. */
function createPosition(read: () => Promise<Checkpoint>, everyMs: number) {
  const waiting = new Set<{ at: Checkpoint; wake: (known?: Checkpoint) => void }>();
  let timer: NodeJS.Timeout | undefined;
  async function look(): Promise<void> {
    // While the database is away there is no news.
    const known = await read().catch(() => '');
    for (const one of waiting) if (known > one.at) one.wake(known);
    timer = waiting.size > 0 ? setTimeout(look, everyMs) : undefined;
  }
  return {
    now: read,
    beyond: (at: Checkpoint, signal: AbortSignal) => new Promise<Checkpoint | undefined>((resolve) => {
      const wake = (known?: Checkpoint) => {
        waiting.delete(entry);
        signal.removeEventListener('abort', gone);
        resolve(known);
      };
      const gone = () => wake();
      const entry = { at, wake };
      if (signal.aborted) return resolve(undefined);
      waiting.add(entry);
      signal.addEventListener('abort', gone);
      timer ??= setTimeout(look, 0);
    }),
  };
}

export const idOf = (stream: string): string => stream.slice(notificationStream('').length);
