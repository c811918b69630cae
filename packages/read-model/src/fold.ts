import type { RecordedEvent } from '@rappel/event-store';
import { advance, notificationIdOf, PoisonEvent, type LogRow } from './row.ts';
import { momentOf, redact, REDACTION_STREAM } from './redaction.ts';
import { count, type Tally } from './tally.ts';

/** An event set aside, and why. Everything later of the same notification is set aside behind it. */
export interface Poison {
  readonly event: RecordedEvent;
  readonly reason: string;
}

/** What a batch of events makes of the log. */
export interface Changes {
  readonly rows: Map<string, LogRow>;
  /** What the log held of these rows before; absent for new ones. */
  readonly before: Map<string, LogRow>;
  readonly poison: Poison[];
  /** Recipients of what was requested before this instant go: an event of the retention job said so. */
  redactBefore?: string;
  events: number;
}

export const noChanges = (): Changes => ({ rows: new Map(), before: new Map(), poison: [], events: 0 });

/** What the counters change by: a row's old facts go, its new ones come. */
export function tallyOf({ rows, before }: Changes): Tally {
  const tally: Tally = new Map();
  for (const [id, row] of rows) {
    const old = before.get(id);
    if (old) count(tally, old, -1);
    count(tally, row, 1);
  }
  return tally;
}

/** What the log holds already of the notifications that a batch is about. */
export interface Known {
  /** By notification id. */
  row(id: string): LogRow | undefined;
  /** True: its rows are changed in place, and `before` stays empty. Default false. */
  readonly owned?: boolean;
  /** Streams with an event set aside; the fold adds to it. */
  readonly parked: Set<string>;
  /** Up to where recipients are redacted: what is new and older loses its own at once. */
  readonly redactedBefore?: string | undefined;
}

/**
 * Folds events, in store order, into `changes`. Events that the log already holds change nothing, so a batch may be
 * applied twice, and one that cannot be understood stops only its own notification.
 */
export function foldEvents(events: readonly RecordedEvent[], known: Known, changes: Changes): Changes {
  for (const event of events) foldEvent(event, known, changes);
  return changes;
}

function foldEvent(event: RecordedEvent, known: Known, changes: Changes): void {
  if (event.stream.startsWith('retention-')) return foldRetention(event, changes);
  const id = notificationIdOf(event.stream) ?? event.stream;
  const own = changes.rows.get(id);
  const row = own ?? known.row(id);
  if (row && event.version <= row.version) return;
  changes.events += 1;
  const reason = known.parked.has(event.stream) ? 'an earlier event of this notification is set aside' : taken();
  if (!reason) return;
  known.parked.add(event.stream);
  changes.poison.push({ event, reason });

  /** Why it cannot be taken; undefined when it was. */
  function taken(): string | undefined {
    try {
      changes.rows.set(id, redact(advance(own ?? (row && !known.owned ? { ...row } : row), event), known.redactedBefore));
    } catch (error) {
      if (!(error instanceof PoisonEvent)) throw error;
      return error.message;
    }
    if (row && !own && !known.owned) changes.before.set(id, row);
    return undefined;
  }
}

function foldRetention(event: RecordedEvent, changes: Changes): void {
  if (event.stream !== REDACTION_STREAM) return;
  const before = momentOf(event);
  if (before === undefined) changes.poison.push({ event, reason: 'it does not say before when' });
  else if (before > (changes.redactBefore ?? '')) changes.redactBefore = before;
}

/** Ids of the notifications that must be looked up before folding: those whose first event is not in this batch. */
export function wanted(events: readonly RecordedEvent[]): string[] {
  const ids = new Set<string>();
  for (const event of events) {
    const id = notificationIdOf(event.stream);
    if (id) ids.add(id);
  }
  return [...ids];
}
