import type { LoanSnapshot } from '@rappel/contracts';
import type { EventStore, RecordedEvent } from '@rappel/event-store';
import type { BorrowerEvent } from '@rappel/lending';
import { inTransaction, lockKey, migrate, type Client, type Pool } from '@rappel/postgres';
import { scheduleStream, settledBy } from './events.ts';
import { migrations } from './migrations.ts';
import type { PolicyBook } from './policies.ts';
import type { ActivePolicy } from './policy.ts';
import { nextAt, planThrough, settle, type Schedule } from './schedule.ts';
import { lock, outranks, put, write } from './table.ts';

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
    await client.query('TRUNCATE scheduler.schedules');
    await client.query('CREATE TEMP TABLE zones (borrower_id text PRIMARY KEY, zone text) ON COMMIT DROP');
    const head = await store.head();
    for await (const events of pages(store, 'borrower')) await keepZones(client, events);
    for await (const events of pages(store, 'attribution')) await planPage(client, events, book.all());
    for await (const events of pages(store, 'schedule')) await settlePage(client, events);
    await client.query('INSERT INTO scheduler.built (at, head) VALUES (now(), $1) ON CONFLICT (one) DO UPDATE SET at = excluded.at, head = excluded.head', [head]);
    const { rows } = await client.query<{ n: number }>('SELECT count(*)::int AS n FROM scheduler.schedules');
    return rows[0]!.n;
  });
}

async function* pages(store: EventStore, category: string): AsyncGenerator<readonly RecordedEvent[]> {
  for (let after = ''; ;) {
    const events = await store.readAll({ after, categories: [category], limit: 2000 });
    if (events.length === 0) return;
    yield events;
    after = events.at(-1)!.checkpoint;
  }
}

async function keepZones(client: Client, events: readonly RecordedEvent[]): Promise<void> {
  const latest = new Map<string, string | null>();
  for (const recorded of events) {
    const { type, data } = recorded as unknown as BorrowerEvent;
    latest.set(data.borrowerId, type === 'BorrowerForgotten' ? null : data.zone ?? null);
  }
  await client.query(
    'INSERT INTO zones SELECT * FROM unnest($1::text[], $2::text[]) ON CONFLICT (borrower_id) DO UPDATE SET zone = excluded.zone',
    [[...latest.keys()], [...latest.values()]],
  );
}

async function planPage(client: Client, events: readonly RecordedEvent[], policies: readonly ActivePolicy[]): Promise<void> {
  const loans = events.map((recorded) => recorded as unknown as LoanRecorded);
  const { rows } = await client.query<{ borrower_id: string; zone: string }>(
    'SELECT borrower_id, zone FROM zones WHERE zone IS NOT NULL AND borrower_id = ANY($1)', [[...new Set(loans.map(({ data }) => data.loan.borrowerId))]]);
  const zones = new Map(rows.map(({ borrower_id, zone }) => [borrower_id, zone]));
  const latest = new Map<string, Schedule>();
  for (const recorded of loans) {
    const { loan } = recorded.data;
    const schedule = scheduleFrom(recorded, zones.get(loan.borrowerId), policies);
    const known = latest.get(loan.attributionId);
    if (schedule && (!known || outranks(schedule, known))) latest.set(loan.attributionId, schedule);
  }
  await put(client, [...latest.values()]);
}

type LoanRecorded = RecordedEvent & { readonly data: { readonly loan: LoanSnapshot; readonly at: string } };

function scheduleFrom({ id, type, metadata, data: { loan, at } }: LoanRecorded, zone: string | undefined, policies: readonly ActivePolicy[]): Schedule | undefined {
  switch (type) {
    case 'AttributionCreated':
    case 'AttributionRescheduled':
      return planThrough({ loan, ...(zone ? { zone } : {}), correlationId: metadata.correlationId ?? id, basis: at, policies });
    case 'AttributionReturned':
    case 'AttributionCancelled':
      return closedSchedule(loan, at, policies.at(-1)!.version);
    default:
      return undefined;
  }
}

/** A loan that is back or cancelled. */
export const closedSchedule = (loan: LoanSnapshot, at: string, policyVersion: number): Schedule => ({ loan, open: false, basis: at, rungs: [], policyVersion, recorded: 0 });

const PREFIX = scheduleStream('').length;

async function settlePage(client: Client, events: readonly RecordedEvent[]): Promise<void> {
  const byLoan = new Map<string, RecordedEvent[]>();
  for (const event of events) {
    const id = event.stream.slice(PREFIX);
    const own = byLoan.get(id);
    if (own) own.push(event); else byLoan.set(id, [event]);
  }
  const schedules = await lock(client, [...byLoan.keys()]);
  await write(client, schedules.map((schedule) => {
    const own = byLoan.get(schedule.loan.attributionId)!;
    const settled: Schedule = { ...schedule, recorded: schedule.recorded + own.length, rungs: settle(schedule.rungs, settledBy(own, schedule.loan.dueVersion)) };
    return { schedule: settled, next: nextAt(settled) };
  }));
}
