import { EventRefused, VersionConflict } from './errors.ts';
import { subscribeByPages, type PageSource } from './paging.ts';
import type { Appended, Checkpoint, EventStore, ReadAllOptions, ReadStreamOptions, RecordedEvent, StreamMetadata } from './port.ts';
import { categoryOf, START } from './port.ts';
import { prepareAppends, requireName, type PreparedAppend, type PreparedEvent } from './prepare.ts';

interface Stored {
  readonly stream: string;
  readonly category: string;
  readonly version: number;
  readonly position: number;
  readonly recordedAt: string;
  readonly event: PreparedEvent;
}

const checkpointOf = (position: number): Checkpoint => (position === 0 ? START : String(position).padStart(20, '0'));

/** The whole contract in memory, for unit tests and as the model that the other adapters are compared with. Nothing is kept after `close`. */
export function createInMemoryEventStore(): EventStore {
  const log: Stored[] = [];
  const streams = new Map<string, Stored[]>();
  const metadata = new Map<string, string>();
  const sleepers = new Set<() => void>();
  let closed = false;

  const recorded = ({ stream, version, position, recordedAt, event }: Stored): RecordedEvent => ({
    id: event.id,
    type: event.type,
    data: JSON.parse(event.data) as object,
    ...(event.personal && { personal: JSON.parse(event.personal) as RecordedEvent['personal'] & object }),
    metadata: event.metadata ? JSON.parse(event.metadata) as RecordedEvent['metadata'] : {},
    stream, version, recordedAt,
    checkpoint: checkpointOf(position),
  });

  function store({ stream, events }: PreparedAppend, known: Stored[]): Appended {
    const now = new Date().toISOString();
    for (const event of events) {
      const stored = { stream, category: categoryOf(stream), version: known.length + 1, position: log.length + 1, recordedAt: normal(event.recordedAt) ?? now, event };
      known.push(stored);
      log.push(stored);
    }
    streams.set(stream, known);
    return { stream, version: known.length, checkpoint: checkpointOf(log.length), duplicate: false };
  }

  function appendMany(appends: Parameters<EventStore['appendMany']>[0]): Appended[] {
    const planned = prepareAppends(appends).map((append) => {
      const known = streams.get(append.stream) ?? [];
      return { append, known, duplicate: judge(append, known) };
    });
    const answers = planned.map(({ append, known, duplicate }) => duplicate ?? store(append, known));
    for (const wake of sleepers) wake();
    return answers;
  }

  function* candidates({ after, backwards = false }: ReadAllOptions): Generator<Stored> {
    if (!backwards) yield* log.slice(Number(after ?? START));
    else yield* log.slice(0, after === undefined ? log.length : Math.max(Number(after) - 1, 0)).toReversed();
  }

  function readAll(options: ReadAllOptions = {}): RecordedEvent[] {
    const { categories, limit = 1000 } = options;
    const events: RecordedEvent[] = [];
    for (const stored of candidates(options)) {
      if (events.length >= limit) break;
      if (!categories || categories.includes(stored.category)) events.push(recorded(stored));
    }
    return events;
  }

  const wait: PageSource['wait'] = ({ mark, signal }) => new Promise((resolve) => {
    if (closed || signal?.aborted || log.length > mark) return resolve();
    const wake = () => {
      sleepers.delete(wake);
      signal?.removeEventListener('abort', wake);
      resolve();
    };
    sleepers.add(wake);
    signal?.addEventListener('abort', wake);
  });

  const source: PageSource = {
    wait,
    mark: () => log.length,
    isClosed: () => closed,
    readPage: async (wanted) => ({ events: readAll(wanted), head: checkpointOf(log.length) }),
  };

  return {
    append: async (stream, events, expected) => appendMany([{ stream, events, expected }])[0]!,
    appendMany: async (appends) => appendMany(appends),
    readStream: async (stream, options) => slice(streams.get(stream) ?? [], options).map(recorded),
    readAll: async (options) => readAll(options),
    subscribe: (options) => subscribeByPages(source, options),
    head: async () => checkpointOf(log.length),
    readStreamMetadata: async (stream) => JSON.parse(metadata.get(stream) ?? 'null') as StreamMetadata | null ?? undefined,
    writeStreamMetadata: async (stream, value) => {
      requireName('stream', stream);
      metadata.set(stream, JSON.stringify(value));
    },
    close: async () => {
      closed = true;
      for (const wake of sleepers) wake();
    },
  };
}

/** The first answer when all ids are there already; otherwise the append must fit. */
function judge({ stream, events, expected }: PreparedAppend, known: readonly Stored[]): Appended | undefined {
  const ids = new Set(events.map(({ id }) => id));
  const there = known.filter(({ event }) => ids.has(event.id));
  if (there.length === ids.size) {
    const last = there.at(-1)!;
    return { stream, version: last.version, checkpoint: checkpointOf(last.position), duplicate: true };
  }
  if (there.length > 0) throw new EventRefused(`stream ${stream} already holds ${there.length} of these ${ids.size} events`);
  if (expected !== 'any' && expected !== known.length) throw new VersionConflict({ stream, expected, actual: known.length });
  return undefined;
}

function slice(events: readonly Stored[], { from, backwards = false, limit = Infinity }: ReadStreamOptions = {}): readonly Stored[] {
  if (!backwards) return events.slice(Math.max((from ?? 1) - 1, 0)).slice(0, limit);
  return events.slice(0, Math.max(from ?? events.length, 0)).toReversed().slice(0, limit);
}

const normal = (instant: string | undefined) => (instant === undefined ? undefined : new Date(instant).toISOString());
