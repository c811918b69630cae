import { setImmediate } from 'node:timers/promises';
import type { Batch, Checkpoint, EventStore, RecordedEvent } from '@rappel/event-store';
import type { Client } from '@rappel/postgres';
import { isBefore, type Stop } from './as-of.ts';
import { applyBatch, refusedValue } from './apply.ts';
import { copyInto, encodeRows, type Lines } from './copy.ts';
import { foldEvents, noChanges, wanted, type Changes, type Poison } from './fold.ts';
import { recount } from './recount.ts';
import { lastRedaction, raiseRedaction, redactedBefore } from './redaction.ts';
import type { LogRow } from './row.ts';
import { CATEGORIES } from './schema.ts';
import { loadParked, loadRows, moveProgress, overwrite, readProgress, writePoison, type Step } from './tables.ts';

export interface RebuildProgress {
  readonly phase: 'fold' | 'count' | 'index' | 'compare' | 'swap';
  readonly events: number;
  readonly checkpoint: Checkpoint;
  /** Events per second of this run so far. */
  readonly rate: number;
  /** How many there will be, as the live log knows; absent without one. */
  readonly total?: number;
}

export interface FoldOptions {
  readonly store: EventStore;
  readonly onProgress?: (progress: RebuildProgress) => void;
  /** Stops at the next batch: rejects with `RebuildStopped`. */
  readonly signal?: AbortSignal;
  /** Events folded in memory before they are written. Default 40,000. */
  readonly flushEvery?: number;
  /** Default: the end of the store. */
  readonly stop?: Stop;
  /** Up to where recipients are redacted. Default: as the store says now, whatever comes before it in the order. */
  readonly redactBefore?: string | undefined;
}

/** The signal stopped it; what was written stays for the next one. */
export class RebuildStopped extends Error {
  override readonly name = 'RebuildStopped';
  readonly code = 'rebuild-stopped';
}

/**
 * Folds the store into `schema` from its checkpoint to the end, or to `stop`, many times faster than the live log is followed:
 * new rows go by COPY, counters are taken from the rows once, at the end. Memory stays flat whatever the store holds.
 */
export async function foldAll(client: Client, schema: string, options: FoldOptions): Promise<Folded> {
  const started = performance.now();
  const begun = (await readProgress(client, schema))!.events;
  await raiseRedaction(client, schema, 'redactBefore' in options ? options.redactBefore : (await lastRedaction(options.store)).before);
  for (let done = false; !done; ) {
    const { checkpoint: from, events: written } = (await readProgress(client, schema))!;
    const writer = createWriter(client, schema, {
      checkpoint: from, parked: await loadParked(client, schema), redactedBefore: await redactedBefore(client, schema),
    });
    const tell = (phase: 'fold' | 'count') => {
      const { events: now, checkpoint } = writer.status();
      const events = written - begun + now;
      options.onProgress?.({ phase, events, checkpoint, rate: events / ((performance.now() - started) / 1000) });
    };
    try {
      await foldOnce(writer, options, () => tell('fold'));
      tell('count');
      // A run that was recorded meanwhile.
      await raiseRedaction(client, schema, writer.status().redactBefore);
      done = true;
    } catch (error) {
      if (!refusedValue(error)) throw error;
      // A value that PostgreSQL refuses is somewhere in the part being written: take that part as the live log does.
      await client.query('ROLLBACK');
      await crawl(client, schema, options.store, writer.status().checkpoint);
    }
  }
  await recount(client, schema);
  const { checkpoint, events } = (await readProgress(client, schema))!;
  return { events: events - begun, checkpoint };
}

interface Folded {
  readonly events: number;
  readonly checkpoint: Checkpoint;
}

// Small enough that a page is garbage before V8 copies it a second time: pages of 5,000 took twice the CPU.
const PAGE = 1000;
// Events folded in one turn of the loop: between two, the next page comes in, where the server would wait, and others get their turn.
const SLICE = 250;

async function foldOnce(writer: Writer, { store, signal, flushEvery = 40_000, stop = {} }: FoldOptions, tell: () => void): Promise<void> {
  const ending = new AbortController();
  try {
    for await (const batch of store.subscribe({ after: writer.status().checkpoint, categories: CATEGORIES, batchSize: PAGE, signal: ending.signal })) {
      stopIf(signal);
      const { events, last, checkpoint = writer.status().checkpoint } = upTo(batch, stop);
      for (let at = SLICE; at < events.length; at += SLICE) {
        const slice = events.slice(at - SLICE, at);
        await writer.fold(slice, slice.at(-1)!.checkpoint);
        await setImmediate();
      }
      await writer.fold(events.slice(Math.floor(Math.max(events.length - 1, 0) / SLICE) * SLICE), checkpoint);
      if (writer.pending() < flushEvery && !last) continue;
      await writer.flush();
      if (last) break;
      tell();
    }
    await writer.flush();
  } finally {
    ending.abort();
    await writer.idle();
  }
  tell();
}

export function stopIf(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new RebuildStopped('stopped; the next rebuild goes on from here');
}

/** From the checkpoint to `end` in small steps, counters and all, as the live log does it. */
export async function crawl(client: Client, schema: string, store: EventStore, end: Checkpoint): Promise<void> {
  for (let from = (await readProgress(client, schema))!.checkpoint; from < end; ) {
    const page = await store.readAll({ after: from, categories: CATEGORIES, limit: 500 });
    const events = page.filter(({ checkpoint }) => checkpoint <= end);
    const to = events.length === page.length && events.length > 0 ? events.at(-1)!.checkpoint : end;
    await applyBatch(client, schema, events, { from, to });
    from = to;
  }
}

/** The part of a batch before the stop; `checkpoint` is absent when that is none of it. */
function upTo(batch: Batch, { checkpoint, moment }: Stop): { events: readonly RecordedEvent[]; last: boolean; checkpoint?: Checkpoint } {
  const open = checkpoint === undefined && moment === undefined;
  const events = open ? batch.events : batch.events.filter((event) => isBefore({ checkpoint, moment }, event));
  if (events.length < batch.events.length) return { events, last: true, checkpoint: events.at(-1)?.checkpoint };
  return { events, last: batch.caughtUp || (checkpoint !== undefined && batch.checkpoint >= checkpoint), checkpoint: batch.checkpoint };
}

type Writer = ReturnType<typeof createWriter>;

/** Folds in memory and writes in the background: while PostgreSQL takes one part, the next is read and folded. */
function createWriter(client: Client, schema: string, { checkpoint: start, parked, redactedBefore: before }: { checkpoint: Checkpoint; parked: Set<string>; redactedBefore: string | undefined }) {
  let checkpoint = start;
  let written = start;
  let changes: Changes = noChanges();
  let recordedAt: string | undefined;
  let writing: Promise<void> = Promise.resolve();
  let total = 0;
  let redactBefore: string | undefined;
  // What the tables hold or are about to hold; `stored` names those of them that the part at hand may have changed.
  const kept = createKept();
  let stored = new Set<string>();
  const row = (id: string) => {
    const found = kept.get(id);
    if (found) stored.add(id);
    return found;
  };

  /** Rows that are needed and were written too long ago to be kept. */
  async function lookUp(events: readonly RecordedEvent[]): Promise<void> {
    const opened = new Set<string>();
    for (const { version, stream } of events) if (version === 1) opened.add(stream);
    const missing = wanted(events.filter(({ stream }) => !opened.has(stream))).filter((id) => !changes.rows.has(id) && !kept.get(id));
    if (missing.length === 0) return;
    await writing;
    kept.add(await loadRows(client, schema, missing));
  }

  /** Resolves when everything is put into words: the rows go on changing while PostgreSQL takes them. */
  async function partOf(part: Changes, step: Step): Promise<Part> {
    const added: LogRow[] = [];
    const changed: LogRow[] = [];
    for (const [id, one] of part.rows) (stored.has(id) ? changed : added).push(one);
    return { added: await encodeRows(added), changed: await encodeRows(changed), poison: part.poison, step };
  }

  return {
    pending: () => changes.events,
    status: () => ({ events: total, checkpoint, redactBefore }),
    idle: () => writing,
    async fold(events: readonly RecordedEvent[], to: Checkpoint): Promise<void> {
      await lookUp(events);
      const counted = changes.events;
      foldEvents(events, { row, parked, owned: true, redactedBefore: before }, changes);
      total += changes.events - counted;
      redactBefore = changes.redactBefore ?? redactBefore;
      checkpoint = to;
      recordedAt = events.at(-1)?.recordedAt ?? recordedAt;
    },
    async flush(): Promise<void> {
      await writing;
      if (checkpoint === written) return;
      writing = writePart(client, schema, await partOf(changes, { from: written, to: checkpoint, events: changes.events, recordedAt }));
      // Awaited by the next flush; without this a failure before that would end the process.
      writing.catch(() => undefined);
      written = checkpoint;
      kept.age();
      kept.add(changes.rows);
      stored = new Set();
      changes = noChanges();
    },
  };
}

interface Part { readonly added: Lines; readonly changed: Lines; readonly poison: readonly Poison[]; readonly step: Step }

async function writePart(client: Client, schema: string, { added, changed, poison, step }: Part): Promise<void> {
  await client.query('BEGIN');
  await copyInto(client, `${schema}.notification`, added);
  if (changed.rows > 0) {
    await client.query(`CREATE TEMP TABLE changed (LIKE ${schema}.notification) ON COMMIT DROP`);
    await copyInto(client, 'changed', changed);
    await client.query(`INSERT INTO ${schema}.notification SELECT * FROM changed ${overwrite}`);
  }
  await writePoison(client, schema, poison);
  await moveProgress(client, schema, step);
  await client.query('COMMIT');
}

const ROWS_KEPT = 20_000;

/** The rows last written, in two generations of which the older is dropped: most events are about recent notifications. */
function createKept() {
  let young = new Map<string, LogRow>();
  let old = new Map<string, LogRow>();
  return {
    get: (id: string) => young.get(id) ?? old.get(id),
    add(rows: ReadonlyMap<string, LogRow>): void {
      for (const [id, row] of rows) young.set(id, row);
    },
    /** Only between two parts: a part counts on what it found. */
    age(): void {
      if (young.size > ROWS_KEPT / 2) [old, young] = [young, new Map()];
    },
  };
}
