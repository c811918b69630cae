import type { RecordedEvent } from '@rappel/event-store';
import type { Client } from '@rappel/postgres';
import { foldEvents, noChanges, wanted } from './fold.ts';
import { redactedBefore } from './redaction.ts';
import { loadParked, loadRows, moveProgress, writeChanges, type Step } from './tables.ts';

/** Applies a batch and moves the checkpoint, in one transaction: both or neither. */
export async function applyBatch(client: Client, schema: string, events: readonly RecordedEvent[], step: Omit<Step, 'events'>): Promise<void> {
  try {
    await transaction(client, () => foldInto(client, schema, events, step));
  } catch (error) {
    if (!refusedValue(error)) throw error;
    await transaction(client, () => withoutRefused(client, schema, events, step));
  }
}

/** The same inside a transaction of the caller's. */
export async function foldInto(client: Client, schema: string, events: readonly RecordedEvent[], step: Omit<Step, 'events'>): Promise<void> {
  const changes = await readAndFold(client, schema, events);
  // What was read above holds only if nobody else moved the log meanwhile: this fails when somebody did.
  await moveProgress(client, schema, { ...step, events: changes.events, ...last(events) });
  await writeChanges(client, schema, changes);
}

async function readAndFold(client: Client, schema: string, events: readonly RecordedEvent[]) {
  const known = await loadRows(client, schema, wanted(events));
  const parked = await loadParked(client, schema, [...new Set(events.map(({ stream }) => stream))]);
  return foldEvents(events, { row: (id) => known.get(id), parked, redactedBefore: await redactedBefore(client, schema) }, noChanges());
}

const last = (events: readonly RecordedEvent[]) => (events.length > 0 ? { recordedAt: events.at(-1)!.recordedAt } : {});

async function withoutRefused(client: Client, schema: string, events: readonly RecordedEvent[], step: Omit<Step, 'events'>): Promise<void> {
  await moveProgress(client, schema, { ...step, events: await halve(client, schema, events), ...last(events) });
}

/** A value that PostgreSQL refuses fails the whole batch: halve it until the event it is in is found, and set that one aside. */
async function halve(client: Client, schema: string, events: readonly RecordedEvent[]): Promise<number> {
  await client.query('SAVEPOINT half');
  try {
    const changes = await readAndFold(client, schema, events);
    await writeChanges(client, schema, changes);
    await client.query('RELEASE SAVEPOINT half');
    return changes.events;
  } catch (error) {
    if (!refusedValue(error)) throw error;
    await client.query('ROLLBACK TO SAVEPOINT half; RELEASE SAVEPOINT half');
    if (events.length > 1) {
      const middle = Math.ceil(events.length / 2);
      // In order: what follows a set-aside event of the same notification must find it there.
      return await halve(client, schema, events.slice(0, middle)) + await halve(client, schema, events.slice(middle));
    }
    await writeChanges(client, schema, { ...noChanges(), poison: [{ event: events[0]!, reason: `PostgreSQL refused it: ${(error as Error).message}` }] });
    return 1;
  }
}

/** Data exceptions, violated constraints and exceeded limits: what a value can cause, unlike a lost connection. */
export const refusedValue = (error: unknown): boolean => /^(22|23|54)/.test(String((error as { code?: unknown }).code));

async function transaction(client: Client, work: () => Promise<void>): Promise<void> {
  await client.query('BEGIN');
  try {
    await work();
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}
