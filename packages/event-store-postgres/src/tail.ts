import type { Checkpoint, PageSource } from '@rappel/event-store';

/** Carries the news that something was appended between processes. It may lose news: the poll finds everything. */
export interface Wake {
  /** Says that events of these categories were appended. Must not throw or block. */
  notify(categories: readonly string[]): void;
  /** Calls back on news from other processes (without categories: of anything). Returns how to stop. */
  onWake(callback: (categories?: readonly string[]) => void): () => void;
}

export interface Tail extends Pick<PageSource, 'mark' | 'wait'> {
  /** News from this process or another; without categories: of anything. */
  news(categories?: readonly string[]): void;
  close(): void;
}

interface Sleeper {
  readonly categories: ReadonlySet<string> | undefined;
  readonly wake: () => void;
}

/** Wakes subscriptions: by news at once, by polling the head as the truth. Polls only while somebody waits. */
export function createTail({ readHead, wake, pollMs }: { readHead: () => Promise<Checkpoint>; wake: Wake | undefined; pollMs: number }): Tail {
  const sleepers = new Set<Sleeper>();
  const lastNews = new Map<string, number>();
  let newsOfAnything = 0;
  let marks = 0;
  let seenHead: Checkpoint | undefined;
  let polling: NodeJS.Timeout | undefined;
  let stopListening: (() => void) | undefined;
  let closed = false;

  function news(categories?: readonly string[]): void {
    marks += 1;
    if (categories) for (const category of categories) lastNews.set(category, marks);
    else newsOfAnything = marks;
    for (const sleeper of sleepers) {
      if (!categories || !sleeper.categories || categories.some((category) => sleeper.categories!.has(category))) sleeper.wake();
    }
  }

  const happenedSince = (mark: number, categories: readonly string[] | undefined): boolean =>
    newsOfAnything > mark || (categories ? categories.some((category) => (lastNews.get(category) ?? 0) > mark) : marks > mark);

  async function poll(): Promise<void> {
    const head = await readHead().catch(() => seenHead);
    if (head !== seenHead) {
      seenHead = head;
      news();
    }
    polling = undefined;
    keepPolling();
  }

  function keepPolling(): void {
    if (!closed && sleepers.size > 0) polling ??= setTimeout(() => void poll(), pollMs);
  }

  return {
    mark: () => marks,
    news,
    wait: ({ mark, categories, signal }) => new Promise<void>((resolve) => {
      if (closed || signal?.aborted || happenedSince(mark, categories)) return resolve();
      stopListening ??= wake?.onWake(news);
      const sleeper: Sleeper = {
        categories: categories && new Set(categories),
        wake: () => {
          sleepers.delete(sleeper);
          signal?.removeEventListener('abort', sleeper.wake);
          resolve();
        },
      };
      sleepers.add(sleeper);
      signal?.addEventListener('abort', sleeper.wake);
      keepPolling();
    }),
    close: () => {
      closed = true;
      clearTimeout(polling);
      stopListening?.();
      for (const { wake } of sleepers) wake();
    },
  };
}
