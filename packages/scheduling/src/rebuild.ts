import type { LoanSnapshot } from '@rappel/contracts';
import { START, type Checkpoint, type EventStore, type RecordedEvent } from '@rappel/event-store';
import { inTransaction, lockKey, migrate, type Client, type Pool } from '@rappel/postgres';
import { scheduleStream, settledBy } from './events.ts';
import { migrations } from './migrations.ts';
import type { PolicyBook } from './policies.ts';
import type { ActivePolicy } from './policy.ts';
import { nextAt, settle, type Schedule } from './schedule.ts';
import { lock, write } from './table.ts';
import { takeInHeld } from './take-in.ts';
import { emptyAlone, keepZones } from './zones.ts';

interface Sources {
  readonly pool: Pool;
  readonly store: EventStore;
  readonly book: PolicyBook;
}

/** Brings the tables up to date and, when they are new, fills them from the events: a dropped schema heals at the next start. */
export async function prepareSchedules({ pool, store, book }: Sources): Promise<void> {
  await migrate(pool, 'scheduler', migrations);
  const { rowCount } = await pool.query('SELECT 1 FROM scheduler.built');
  if (!rowCount) await rebuildSchedules({ pool, store, book, onlyIfNew: true });
}

/**
 * Empties the table and fills it again from the events, in one transaction: readers and other instances see the old table or
 * the new one, and wait meanwhile. Memory stays flat. Resolves to the number of loans.
 */
export async function rebuildSchedules({ pool, store, book, onlyIfNew = false }: Sources & { onlyIfNew?: boolean }): Promise<number> {
  return inTransaction(pool, async (client) => {
    await client.query('SELECT pg_advisory_xact_lock($1)', [lockKey('rappel:scheduler:rebuild')]);
    if (onlyIfNew && (await client.query('SELECT 1 FROM scheduler.built')).rowCount) return 0;
    await emptyAlone(client);
    const head = await store.head();
    for await (const events of pages(store, 'borrower')) await keepZones(client, events);
    for await (const events of pages(store, 'attribution')) await planPage(client, events, book.all());
    for await (const events of pages(store, 'schedule')) await settlePage(client, events, book);
    await client.query('INSERT INTO scheduler.built (at, head) VALUES (now(), $1) ON CONFLICT (one) DO UPDATE SET at = excluded.at, head = excluded.head', [head]);
    const { rows } = await client.query<{ n: number }>('SELECT count(*)::int AS n FROM scheduler.schedules');
    return rows[0]!.n;
  });
}

/** Up to where borrowers' events are in the tables. */
export async function reachedBefore(pool: Pool): Promise<Checkpoint> {
  return (await pool.query<{ head: Checkpoint }>('SELECT head FROM scheduler.built')).rows[0]?.head ?? START;
}

export async function saveReached(pool: Pool, reached: Checkpoint): Promise<void> {
  await pool.query('UPDATE scheduler.built SET head = $1 WHERE head COLLATE "C" < $1', [reached]);
}

async function* pages(store: EventStore, category: string): AsyncGenerator<readonly RecordedEvent[]> {
  for (let after = ''; ;) {
    const events = await store.readAll({ after, categories: [category], limit: 2000 });
    if (events.length === 0) return;
    yield events;
    after = events.at(-1)!.checkpoint;
  }
}

type LoanRecorded = RecordedEvent & { readonly data: { readonly loan: LoanSnapshot; readonly at: string } };
const outOrBack: Readonly<Record<string, boolean>> = { AttributionCreated: true, AttributionRescheduled: true, AttributionReturned: false, AttributionCancelled: false };

async function planPage(client: Client, events: readonly RecordedEvent[], policies: readonly ActivePolicy[]): Promise<void> {
  await takeInHeld(client, (events as readonly LoanRecorded[]).flatMap(({ id, type, metadata, data: { loan, at } }) => {
    const open = outOrBack[type];
    return open === undefined ? [] : [{ loan, open, at, correlationId: metadata.correlationId ?? id }];
  }), policies);
}

const PREFIX = scheduleStream('').length;

async function settlePage(client: Client, events: readonly RecordedEvent[], book: PolicyBook): Promise<void> {
  const byLoan = new Map<string, RecordedEvent[]>();
  for (const event of events) {
    const id = event.stream.slice(PREFIX);
    const own = byLoan.get(id);
    if (own) own.push(event); else byLoan.set(id, [event]);
  }
  const schedules = await lock(client, book, [...byLoan.keys()]);
  await write(client, schedules.map((schedule) => {
    const own = byLoan.get(schedule.loan.attributionId)!;
    const settled: Schedule = { ...schedule, recorded: schedule.recorded + own.length, rungs: settle(schedule.rungs, settledBy(own, schedule.loan.dueVersion)) };
    return { schedule: settled, next: nextAt(settled) };
  }), book.all());
}
