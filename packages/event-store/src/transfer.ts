import { createHash } from 'node:crypto';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { isEventRefused } from './errors.ts';
import { START, type Append, type Checkpoint, type EventStore, type RecordedEvent, type StreamMetadata } from './port.ts';

/** What was moved is not what was there. */
export class TransferBroken extends Error {
  override readonly name = 'TransferBroken';
  readonly code = 'transfer-broken';
}

export interface Progress {
  /** Events looked at so far, those that were there already included. */
  readonly events: number;
  /** Events that were written by this run. */
  readonly written: number;
  /** Place in the source (or in the file's source); resume after it. */
  readonly checkpoint: Checkpoint;
}

export interface TransferOptions {
  /** Skip what the source has up to here, exclusive: the last progress of a run that broke off. Default: `START`. */
  readonly after?: Checkpoint;
  /** Called after every batch. */
  readonly onProgress?: (progress: Progress) => void;
  /** Events per batch. Default 500. */
  readonly batchSize?: number;
}

export interface Transferred extends Progress {
  /** SHA-256 (hex) over the events in order, without their places and times: equal for equal events in any store. */
  readonly sha256: string;
}

interface EndLine { readonly end: { readonly events: number; readonly sha256: string } }
interface MetadataLine { readonly stream: string; readonly streamMetadata: StreamMetadata }
type Line = RecordedEvent | EndLine | MetadataLine;

const contentOf = ({ stream, version, id, type, data, personal, metadata }: RecordedEvent): string =>
  `${JSON.stringify([stream, version, id, type, data, personal ?? null, metadata])}\n`;

/**
 * All events up to the present end as NDJSON lines: events as the store gives them (sealed parts stay sealed), metadata of
 * streams after a stream's first event, and a last line with count and checksum. Each line ends with a check over itself and
 * all lines before it. Nothing is held in memory but a batch.
 */
export async function* exportEvents(store: EventStore, { after = START, onProgress, batchSize = 500 }: TransferOptions = {}): AsyncGenerator<string> {
  const hash = createHash('sha256');
  const seal = createSeal();
  const lineOf = (entry: Line): string => {
    const text = JSON.stringify(entry);
    return `${text.slice(0, -1)},"check":"${seal(text)}"}\n`;
  };
  let count = 0;
  for await (const { events, checkpoint } of pages(store, after, batchSize)) {
    for (const event of events) {
      hash.update(contentOf(event));
      yield lineOf(event);
    }
    for (const { stream, metadata } of await metadataOf(store, events)) yield lineOf({ stream, streamMetadata: metadata });
    count += events.length;
    onProgress?.({ events: count, written: count, checkpoint });
  }
  yield lineOf({ end: { events: count, sha256: hash.digest('hex') } });
}

/** The check of each next line: the beginning of the SHA-256 over all lines so far. */
function createSeal(): (line: string) => string {
  const hash = createHash('sha256');
  return (line) => hash.update(line).copy().digest('hex').slice(0, 16);
}

/**
 * Takes what `exportEvents` wrote. Ids, versions, metadata, sealed parts and times are kept; places are the target's own.
 * Can be run again: events that are there are passed over. Rejects with `TransferBroken`, which names the line, when the file
 * was cut, changed or put in another order (nothing from there on is written), with `VersionConflict` when a stream of the
 * target holds something else.
 */
export async function importEvents(store: EventStore, lines: AsyncIterable<string | Uint8Array>, options: TransferOptions = {}): Promise<Transferred> {
  const { after = START, onProgress, batchSize = 500 } = options;
  const writer = createWriter(store);
  const summary = { events: 0, sha256: '' };
  let batch: RecordedEvent[] = [];
  let checkpoint = after;
  const flush = async () => {
    await writer.write(batch);
    checkpoint = batch.at(-1)?.checkpoint ?? checkpoint;
    batch = [];
    onProgress?.({ events: summary.events, written: writer.written(), checkpoint });
  };
  for await (const entry of readExport(lines, summary)) {
    if ('streamMetadata' in entry) await store.writeStreamMetadata(entry.stream, entry.streamMetadata);
    else if (entry.checkpoint > after) batch.push(entry);
    if (batch.length >= batchSize) await flush();
  }
  await flush();
  return { ...summary, written: writer.written(), checkpoint };
}

/** The entries of an export; fills the summary and, at the end, holds it against the last line. */
async function* readExport(lines: AsyncIterable<string | Uint8Array>, summary: { events: number; sha256: string }): AsyncGenerator<RecordedEvent | MetadataLine> {
  const hash = createHash('sha256');
  const seal = createSeal();
  let end: EndLine['end'] | undefined;
  let number = 0;
  for await (const line of createInterface({ input: Readable.from(lines), crlfDelay: Infinity })) {
    number += 1;
    if (end) throw new TransferBroken(`line ${number}: the export goes on after its last line`);
    const entry = parse(line, number, seal);
    if ('end' in entry) {
      end = entry.end;
      continue;
    }
    if (!('streamMetadata' in entry)) {
      summary.events += 1;
      hash.update(contentOf(entry));
    }
    yield entry;
  }
  summary.sha256 = hash.digest('hex');
  if (!end) throw new TransferBroken(`the export was cut off after line ${number} (${summary.events} events)`);
  if (end.events !== summary.events || end.sha256 !== summary.sha256) {
    throw new TransferBroken(`the export says ${end.events} events (${end.sha256}), it holds ${summary.events} (${summary.sha256})`);
  }
}

const CHECKED = /^(.*),"check":"([0-9a-f]{16})"\}$/s;

function parse(line: string, number: number, seal: (line: string) => string): Line {
  const [, body, check] = CHECKED.exec(line) ?? [];
  if (body === undefined) throw new TransferBroken(`line ${number} is not a whole line of an export`);
  const text = `${body}}`;
  if (seal(text) !== check) throw new TransferBroken(`line ${number} was changed, is not in its place, or follows lines that are missing`);
  return JSON.parse(text) as Line;
}

/**
 * Copies all events up to the source's present end, in order. Can be run again, from the last progress or from the start.
 * At the end both stores are read and compared: `TransferBroken` when the target does not hold the same events in the same
 * order and nothing else. `verify: false` leaves that out, e.g. for a target that others write to.
 */
export async function copyStore(from: EventStore, to: EventStore, options: TransferOptions & { readonly verify?: boolean } = {}): Promise<Transferred> {
  const { after = START, onProgress, batchSize = 500, verify = true } = options;
  const writer = createWriter(to);
  let events = 0;
  let checkpoint = after;
  for await (const page of pages(from, after, batchSize)) {
    await writer.write(page.events);
    for (const { stream, metadata } of await metadataOf(from, page.events)) await to.writeStreamMetadata(stream, metadata);
    events += page.events.length;
    checkpoint = page.checkpoint;
    onProgress?.({ events, written: writer.written(), checkpoint });
  }
  const source = await digestOf(from, checkpoint);
  if (verify) {
    const target = await digestOf(to, await to.head());
    if (target.sha256 !== source.sha256) throw new TransferBroken(`the source holds ${source.events} events (${source.sha256}), the target ${target.events} (${target.sha256})`);
  }
  return { events, written: writer.written(), checkpoint, sha256: source.sha256 };
}

async function digestOf(store: EventStore, upTo: Checkpoint): Promise<{ events: number; sha256: string }> {
  const hash = createHash('sha256');
  let count = 0;
  for await (const { events } of pages(store, START, 1000, upTo)) {
    for (const event of events) hash.update(contentOf(event));
    count += events.length;
  }
  return { events: count, sha256: hash.digest('hex') };
}

async function* pages(store: EventStore, after: Checkpoint, limit: number, upTo?: Checkpoint): AsyncGenerator<{ events: RecordedEvent[]; checkpoint: Checkpoint }> {
  const end = upTo ?? await store.head();
  for (let at = after; at < end;) {
    const events = (await store.readAll({ after: at, limit })).filter(({ checkpoint }) => checkpoint <= end);
    if (events.length === 0) return;
    at = events.at(-1)!.checkpoint;
    yield { events, checkpoint: at };
  }
}

async function metadataOf(store: EventStore, events: readonly RecordedEvent[]): Promise<{ stream: string; metadata: StreamMetadata }[]> {
  const begun = events.filter(({ version }) => version === 1).map(({ stream }) => stream);
  const found = await Promise.all(begun.map(async (stream) => ({ stream, metadata: await store.readStreamMetadata(stream) })));
  return found.flatMap(({ stream, metadata }) => (metadata ? [{ stream, metadata }] : []));
}

/** Writes events in their order with their versions, many streams at once; what is there already is passed over. */
function createWriter(store: EventStore): { write(events: readonly RecordedEvent[]): Promise<void>; written(): number } {
  let written = 0;
  async function send(appends: readonly Append[]): Promise<void> {
    const answers = await store.appendMany(appends);
    answers.forEach(({ duplicate }, i) => { if (!duplicate) written += appends[i]!.events.length; });
  }
  /** An earlier run stopped between these events: one at a time, those that are there are recognised. */
  async function sendOneByOne(appends: readonly Append[]): Promise<void> {
    for (const { stream, events, expected } of appends) {
      for (const [i, event] of events.entries()) await send([{ stream, events: [event], expected: Number(expected) + i }]);
    }
  }
  return {
    written: () => written,
    write: async (events) => {
      for (const appends of runs(events)) {
        await send(appends).catch((error: unknown) => {
          if (!isEventRefused(error)) throw error;
          return sendOneByOne(appends);
        });
      }
    },
  };
}

/** Appends that keep the order: a stream comes once in each list, its consecutive events together. */
function runs(events: readonly RecordedEvent[]): Append[][] {
  const lists: { stream: string; events: RecordedEvent[]; expected: number }[][] = [[]];
  let names = new Set<string>();
  for (const event of events) {
    const last = lists.at(-1)!.at(-1);
    if (last?.stream === event.stream) {
      last.events.push(event);
      continue;
    }
    if (names.has(event.stream)) {
      lists.push([]);
      names = new Set();
    }
    names.add(event.stream);
    lists.at(-1)!.push({ stream: event.stream, events: [event], expected: event.version - 1 });
  }
  return lists.filter((list) => list.length > 0);
}
