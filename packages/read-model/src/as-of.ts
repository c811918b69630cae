import type { Checkpoint, EventStore, RecordedEvent } from '@rappel/event-store';
import { notificationStream } from '@rappel/notification';
import type { Field, Filter } from './find.ts';
import { redact } from './redaction.ts';
import { foldRow, PoisonEvent, type LogRow } from './row.ts';

export interface Stop {
  /** Last place to fold, inclusive. Default: the end. */
  readonly checkpoint?: Checkpoint;
  /** Last moment to fold, by when the store took the event. */
  readonly moment?: string;
}

/** An instant (when the store took the events) or a place in the store's order, both inclusive. */
export const stopOf = (asOf: string): Stop =>
  (asOf.includes('T') ? { moment: new Date(asOf).toISOString() } : { checkpoint: /^\d+$/.test(asOf) ? asOf.padStart(20, '0') : asOf });

export const isBefore = ({ checkpoint, moment }: Stop, event: RecordedEvent): boolean =>
  (checkpoint === undefined || event.checkpoint <= checkpoint) && (moment === undefined || event.recordedAt <= moment);

/**
 * Single notifications as the log had them then, from their own events; undefined for one that was not there yet. Recipients of what
 * was requested before `redactedBefore` are not brought back.
 */
export async function rowsAsOf(store: EventStore, ids: readonly string[], stop: Stop, redactedBefore?: string): Promise<(LogRow | undefined)[]> {
  const rows = await Promise.all(ids.map(async (id) => (await store.readStream(notificationStream(id))).filter((event) => isBefore(stop, event)).reduce(folded, undefined)));
  return rows.map((row) => row && redact(row, redactedBefore));
}

/** As the log does it: what follows an event that cannot be understood does not count. */
function folded(row: LogRow | undefined, event: RecordedEvent): LogRow | undefined {
  try {
    return foldRow(row, event);
  } catch (error) {
    if (error instanceof PoisonEvent) return row;
    throw error;
  }
}

const lasting = new Set<string>(['notificationId', 'attributionId', 'borrowerId', 'department', 'type', 'channel', 'dueVersion', 'occurrence'] satisfies Field[]);

/** The parts of a filter that go by what changes over a notification's life: today's tables cannot say what they were. */
export const changing = ({ where = {}, spans = {}, error }: Filter): string[] =>
  [...Object.keys(where).filter((field) => !lasting.has(field)), ...Object.keys(spans).filter((field) => field !== 'requestedAt'), ...(error ? ['error'] : [])];
