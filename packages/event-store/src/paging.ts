import { setTimeout as sleep } from 'node:timers/promises';
import { isStoreUnavailable } from './errors.ts';
import { START, type Batch, type Checkpoint, type EventStore, type RecordedEvent, type SubscribeOptions } from './port.ts';

const LONGEST_PAUSE_MS = 2000;

export interface Page {
  readonly events: RecordedEvent[];
  /** The end of the store when the page was read. */
  readonly head: Checkpoint;
}

/** What a store must offer to be followed page by page. */
export interface PageSource {
  readPage(wanted: { after: Checkpoint; categories?: readonly string[]; limit: number }): Promise<Page>;
  /** A mark to take before reading; `wait` with it misses no news that came while reading. */
  mark(): number;
  /** Resolves when there may be something new in one of the categories (default: in any) since the mark, or on abort or close. */
  wait(since: { mark: number; categories?: readonly string[] | undefined; signal?: AbortSignal | undefined }): Promise<void>;
  isClosed(): boolean;
}

/** Pages until the end, then sleeps until there is news. While the consumer works on a full page, the next is being read. */
export async function* subscribeByPages(source: PageSource, options: SubscribeOptions = {}): AsyncGenerator<Batch> {
  const { after = START, categories, batchSize = 500, signal } = options;
  const isOver = () => source.isClosed() || Boolean(signal?.aborted);
  const read = (from: Checkpoint) => {
    const mark = source.mark();
    const page = readPatiently(source, { after: from, limit: batchSize, ...(categories && { categories }) }, isOver);
    page.catch(() => undefined); // thrown where it is awaited
    return { mark, page: () => page.then((read) => (isOver() ? undefined : read)) };
  };
  let checkpoint = after;
  let news = true;
  let reading = read(checkpoint);
  for (;;) {
    const page = await reading.page();
    if (!page) return;
    const { mark } = reading;
    const caughtUp = page.events.length < batchSize;
    const reached = reachedBy(page, caughtUp, checkpoint);
    news ||= reached > checkpoint;
    checkpoint = reached;
    if (!caughtUp) reading = read(checkpoint);
    if (news) yield { events: page.events, checkpoint, caughtUp };
    if (caughtUp) {
      news = false;
      await source.wait({ mark, categories, signal });
      reading = read(checkpoint);
    }
  }
}

/** A page that is not full has seen everything up to the head. */
function reachedBy({ events, head }: Page, caughtUp: boolean, checkpoint: Checkpoint): Checkpoint {
  const last = events.at(-1)?.checkpoint ?? checkpoint;
  return caughtUp && head > last ? head : last;
}

/** Tries again with growing pauses while the server is away. Undefined when the subscription ended meanwhile. */
async function readPatiently(source: PageSource, wanted: Parameters<PageSource['readPage']>[0], isOver: () => boolean): Promise<Page | undefined> {
  for (let pause = 20; !isOver(); pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    try {
      return await source.readPage(wanted);
    } catch (error) {
      if (!isStoreUnavailable(error)) throw error;
      await sleep(pause);
    }
  }
  return undefined;
}

/** Everything that the store holds in these categories (default: all), in order, page by page. */
export async function* pagesOf(store: Pick<EventStore, 'readAll'>, { categories, limit = 1000 }: { readonly categories?: readonly string[] | undefined; readonly limit?: number } = {}): AsyncGenerator<readonly RecordedEvent[]> {
  for (let after: Checkpoint = START; ;) {
    const page = await store.readAll({ after, limit, ...(categories && { categories }) });
    if (page.length === 0) return;
    yield page;
    after = page.at(-1)!.checkpoint;
  }
}
