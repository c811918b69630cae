import { isVersionConflict, type EventStore, type RecordedEvent } from '@rappel/event-store';
import type { Client, Pool } from '@rappel/postgres';
import { randomUUID } from 'node:crypto';
import type { Reader } from './reader.ts';
import type { LogRow } from './row.ts';
import { LIVE, PROJECTION } from './schema.ts';

/** What the retention job did is a fact like any other: events of this stream say up to where recipients are redacted. */
export const REDACTION_STREAM = 'retention-recipients';

/** Recipients of notifications requested before this instant (business time, exclusive) are redacted, whenever they come in. */
interface RecipientsRedacted { readonly before: string; readonly notifications: number; readonly at: string }

/** The instant that an event of the stream names; undefined when it names none. */
export function momentOf({ type, data }: RecordedEvent): string | undefined {
  const { before } = data as Partial<RecipientsRedacted>;
  return type === 'RecipientsRedacted' && typeof before === 'string' && !Number.isNaN(Date.parse(before)) ? new Date(before).toISOString() : undefined;
}

/** The row as a log shows it whose recipients were redacted before this instant. Changes it in place. */
export function redact(row: LogRow, before: string | undefined): LogRow {
  if (before !== undefined && row.recipient && row.requestedAt < before) row.recipient = { state: 'erased', subject: row.recipient.subject };
  return row;
}

/** Before anything was requested: nothing is redacted. */
const BEGINNING = '1900-01-01T00:00:00.000Z';

/** Up to where the store says that recipients are redacted, and how many events say so. */
export async function lastRedaction(store: Pick<EventStore, 'readStream'>): Promise<{ before: string; version: number }> {
  const events = await store.readStream(REDACTION_STREAM, { backwards: true, limit: 50 });
  return { before: events.map(momentOf).find((moment) => moment !== undefined) ?? BEGINNING, version: events[0]?.version ?? 0 };
}

export interface RedactionStep extends RecipientsRedacted {
  /** Who ran it: `retention` for the daily job. */
  readonly actor: string | null;
}

/** What runs recorded, newest first. */
export async function redactionSteps(store: Pick<EventStore, 'readStream'>, limit: number): Promise<RedactionStep[]> {
  const events = await store.readStream(REDACTION_STREAM, { backwards: true, limit });
  return events.map(({ data, metadata }) => ({ ...data as RecipientsRedacted, actor: metadata.actor ?? null }));
}

/** Up to where a generation of the log is redacted. */
export async function redactedBefore(client: Reader, schema: string = LIVE): Promise<string | undefined> {
  const { rows: [row] } = await client.query<{ before: Date | null }>(`SELECT redacted_before AS before FROM ${schema}.progress WHERE projection = $1`, [PROJECTION.name]);
  return row?.before?.toISOString();
}

/** Empties the recipients of what was requested before `before` and not redacted already, and remembers it. Part of the caller's transaction. */
export async function raiseRedaction(client: Client, schema: string, before: string | undefined): Promise<void> {
  if (before === undefined) return;
  await client.query(`UPDATE ${schema}.notification SET recipient = jsonb_build_object('state', 'erased', 'subject', recipient->>'subject')
    WHERE requested_at < $1 AND requested_at >= ${redactedSoFar(schema)} AND recipient->>'state' <> 'erased'`, [before]);
  await client.query(`UPDATE ${schema}.progress SET redacted_before = greatest(redacted_before, $1) WHERE projection = $2`, [before, PROJECTION.name]);
}

// What came in later with an older moment was redacted when it was folded in.
const redactedSoFar = (schema: string) => `coalesce((SELECT redacted_before FROM ${schema}.progress WHERE projection = '${PROJECTION.name}'), '-infinity')`;

export interface RedactionOptions {
  readonly store: EventStore;
  readonly pool: Pool;
  /** UTC ISO: what was requested before this moment (business time) is redacted. */
  readonly before: string;
  /** Business time of the run. */
  readonly at: string;
  readonly actor: string;
  /** Count only. */
  readonly dryRun: boolean;
  /** Notifications whose recipients go in one step, which the log takes in one transaction. Default 5000. */
  readonly step?: number;
  /** Stops between two steps; the next run goes on from there. */
  readonly signal?: AbortSignal;
}

/**
 * Records that recipients up to a moment are redacted, in steps of a bounded number of notifications; the log follows as it takes the
 * events in, and so does every rebuild. Resolves to how many recipients the log held. A second run finds nothing; of two at once
 * one goes on and the other stops.
 */
export async function redactRecipients({ store, pool, before, at, actor, dryRun, step = 5000, signal }: RedactionOptions): Promise<number> {
  const last = await lastRedaction(store);
  const total = await held(pool, last.before, before);
  if (dryRun) return total;
  let [from, version] = [last.before, last.version];
  try {
    while (from < before) {
      if (signal?.aborted) break;
      const to = await stepEnd(pool, { from, before, step });
      const data: RecipientsRedacted = { before: to, notifications: await held(pool, from, to), at };
      ({ version } = await store.append(REDACTION_STREAM, [{ id: randomUUID(), type: 'RecipientsRedacted', data, metadata: { actor } }], version));
      from = to;
    }
  } catch (error) {
    if (!isVersionConflict(error)) throw error;
  }
  return total;
}

async function held(pool: Pool, from: string, before: string): Promise<number> {
  const { rows } = await pool.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${LIVE}.notification
    WHERE requested_at >= $1 AND requested_at < $2 AND recipient->>'state' <> 'erased'`, [from, before]);
  return rows[0]!.n;
}

/** The end of a step, exclusive: just behind the moment of its last notification. */
async function stepEnd(pool: Pool, { from, before, step }: { from: string; before: string; step: number }): Promise<string> {
  const { rows: [row] } = await pool.query<{ at: Date }>(`SELECT requested_at AS at FROM ${LIVE}.notification
    WHERE requested_at >= $1 AND requested_at < $2 ORDER BY requested_at OFFSET $3 LIMIT 1`, [from, before, step - 1]);
  const end = row ? new Date(row.at.getTime() + 1).toISOString() : before;
  return end < before ? end : before;
}
