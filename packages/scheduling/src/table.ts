import type { LoanSnapshot } from '@rappel/contracts';
import { boolArray, instantArray, int4Array, inTransaction, lockKey, textArray, type Client, type Pool } from '@rappel/postgres';
import { rungKey, type Rung } from './rung.ts';
import { nextAt, type Schedule } from './schedule.ts';

interface Row {
  attribution_id: string;
  open: boolean;
  loan: LoanSnapshot;
  zone: string | null;
  correlation: string | null;
  basis: Date;
  rungs: Rung[];
  settled: string;
  policy_version: number;
  recorded: number;
}

const COLUMNS = 'attribution_id, open, loan, zone, correlation, basis, rungs, settled, policy_version, recorded';
const IN = 'scheduler.schedules';

const fromRow = (row: Row): Schedule => ({
  loan: row.loan, open: row.open, ...(row.zone ? { zone: row.zone } : {}), ...(row.correlation ? { correlationId: row.correlation } : {}), basis: row.basis.toISOString(),
  rungs: withSettled(row.rungs, row.settled), policyVersion: row.policy_version, recorded: row.recorded,
});

function withSettled(rungs: readonly Rung[], settled: string): readonly Rung[] {
  if (settled === '') return rungs;
  const outcomes = new Map(settled.split(' ').map((entry) => entry.split('=') as [string, NonNullable<Rung['done']>]));
  return rungs.map((rung) => {
    const done = outcomes.get(rungKey(rung));
    return done ? { ...rung, done } : rung;
  });
}

const settledOf = ({ rungs }: Schedule): string => rungs.flatMap((rung) => (rung.done ? [`${rungKey(rung)}=${rung.done}`] : [])).join(' ');
const plannedOf = ({ rungs }: Schedule): string => JSON.stringify(rungs.some(({ done }) => done) ? rungs.map((rung) => ({ ...rung, done: undefined })) : rungs);

/** What wins when two messages about one loan meet: closed is final, else the higher due version. */
export const outranks = (a: Schedule, b: Schedule): boolean => b.open && (!a.open || a.loan.dueVersion > b.loan.dueVersion);

const INSERT = `
  INSERT INTO ${IN} AS s (attribution_id, borrower_id, due_version, open, loan, zone, basis, rungs, settled, policy_version, recorded, next_at, correlation)
  SELECT * FROM unnest($1::text[], $2::text[], $3::int[], $4::boolean[], $5::json[], $6::text[], $7::timestamptz[], $8::json[], $9::text[], $10::int[], $11::int[], $12::timestamptz[], $13::text[])`;

const valuesOf = (schedules: readonly Schedule[]): Buffer[] => [
  textArray(schedules.map(({ loan }) => loan.attributionId)), textArray(schedules.map(({ loan }) => loan.borrowerId)),
  int4Array(schedules.map(({ loan }) => loan.dueVersion)), boolArray(schedules.map(({ open }) => open)),
  textArray(schedules.map(({ loan }) => JSON.stringify(loan)), 'json'), textArray(schedules.map(({ zone }) => zone)), instantArray(schedules.map(({ basis }) => basis)),
  textArray(schedules.map(plannedOf), 'json'), textArray(schedules.map(settledOf)),
  int4Array(schedules.map(({ policyVersion }) => policyVersion)), int4Array(schedules.map(({ recorded }) => recorded)), instantArray(schedules.map(nextAt)),
  textArray(schedules.map(({ correlationId }) => correlationId)),
];

/**
 * Takes in what messages say, in one round trip, whatever order they come in: a row changes only when the news outranks it.
 * @param schedules one per loan
 */
export async function put(db: Pool | Client, schedules: readonly Schedule[]): Promise<void> {
  // In one order everywhere, so that two instances never wait for each other.
  const ordered = schedules.toSorted((a, b) => (a.loan.attributionId < b.loan.attributionId ? -1 : 1));
  await db.query({
    name: 'scheduler-put',
    text: `${INSERT}
      ON CONFLICT (attribution_id) DO UPDATE SET due_version = excluded.due_version, open = excluded.open, loan = excluded.loan, zone = excluded.zone,
        basis = excluded.basis, next_at = excluded.next_at, correlation = excluded.correlation,
        rungs = CASE WHEN excluded.open THEN excluded.rungs ELSE s.rungs END,
        settled = CASE WHEN excluded.open THEN excluded.settled ELSE s.settled END,
        policy_version = CASE WHEN excluded.open THEN excluded.policy_version ELSE s.policy_version END
      WHERE s.open AND (NOT excluded.open OR excluded.due_version > s.due_version)`,
    values: valuesOf(ordered),
  });
}

/** A schedule as it is now and when it wants attention next. */
export interface Changed {
  readonly schedule: Schedule;
  /** Absent = never. */
  readonly next: string | undefined;
}

/** Writes back what became of schedules whose rows the caller holds locked; their plans stay as they are. */
async function writeSettled(client: Client, changed: readonly Changed[]): Promise<void> {
  await client.query({
    name: 'scheduler-settle',
    text: `
      UPDATE ${IN} s SET settled = v.settled, recorded = v.recorded, next_at = v.next_at
      FROM unnest($1::text[], $2::text[], $3::int[], $4::timestamptz[]) v (attribution_id, settled, recorded, next_at)
      WHERE s.attribution_id = v.attribution_id`,
    values: outcomesOf(changed),
  });
}

/** Writes back schedules whose rows the caller holds locked, plans included. */
export async function write(client: Client, changed: readonly Changed[]): Promise<void> {
  if (changed.length === 0) return;
  const schedules = changed.map(({ schedule }) => schedule);
  await client.query({
    name: 'scheduler-write',
    text: `
      UPDATE ${IN} s SET settled = v.settled, recorded = v.recorded, next_at = v.next_at, rungs = v.rungs, policy_version = v.policy_version
      FROM unnest($1::text[], $2::text[], $3::int[], $4::timestamptz[], $5::json[], $6::int[]) v (attribution_id, settled, recorded, next_at, rungs, policy_version)
      WHERE s.attribution_id = v.attribution_id`,
    values: [...outcomesOf(changed), textArray(schedules.map(plannedOf), 'json'), int4Array(schedules.map(({ policyVersion }) => policyVersion))],
  });
}

const outcomesOf = (changed: readonly Changed[]): Buffer[] => [
  textArray(changed.map(({ schedule }) => schedule.loan.attributionId)), textArray(changed.map(({ schedule }) => settledOf(schedule))),
  int4Array(changed.map(({ schedule }) => schedule.recorded)), instantArray(changed.map(({ next }) => next)),
];

/** Due schedules, locked for this caller until `finish`. The locks go with the connection, so a killed process frees them at once. */
export interface Claim {
  readonly schedules: readonly Schedule[];
  /** Writes back what became of them, with their plans when those changed too, and lets go. */
  finish(changed: readonly Changed[], plansToo: boolean): Promise<void>;
  /** Lets go, nothing written. */
  release(): Promise<void>;
}

export interface ClaimOptions {
  /** Most schedules that are due; those that share a borrower with one of them come on top. */
  readonly limit: number;
  /** Business time. */
  readonly now: string;
  /** Schedules of the same borrowers up to this moment come along. */
  readonly companionsUntil: string;
}

// One claim at a time, so that a borrower's loans are never split between two instances. It takes some milliseconds.
const CLAIMING = lockKey('rappel:scheduler:claim');

/** Claims what is due, earliest first. Resolves to undefined when nothing is due or all of it is held by others. */
export async function claim(pool: Pool, { limit, now, companionsUntil }: ClaimOptions): Promise<Claim | undefined> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    await client.query({ name: 'scheduler-claiming', text: 'SELECT pg_advisory_lock($1)', values: [CLAIMING] });
    const rows = await lockDue(client, { limit, now, companionsUntil });
    await client.query({ name: 'scheduler-claimed', text: 'SELECT pg_advisory_unlock($1)', values: [CLAIMING] });
    if (rows.length === 0) {
      await client.query('ROLLBACK');
      client.release();
      return undefined;
    }
    return { schedules: rows.map(fromRow), finish: (changed, plansToo) => finish(client, () => (plansToo ? write : writeSettled)(client, changed)), release: () => finish(client) };
  } catch (error) {
    client.release(error as Error);
    throw error;
  }
}

async function lockDue(client: Client, { limit, now, companionsUntil }: ClaimOptions): Promise<Row[]> {
  const { rows: due } = await client.query<Row & { borrower_id: string }>({
    name: 'scheduler-due',
    text: `SELECT borrower_id, ${COLUMNS} FROM ${IN} WHERE next_at <= $1 ORDER BY next_at LIMIT $2 FOR UPDATE SKIP LOCKED`,
    values: [now, limit],
  });
  if (due.length === 0) return due;
  const { rows: companions } = await client.query<Row>({
    name: 'scheduler-companions',
    text: `SELECT ${COLUMNS} FROM ${IN} WHERE borrower_id = ANY($1) AND next_at <= $2 FOR UPDATE SKIP LOCKED`,
    values: [[...new Set(due.map(({ borrower_id }) => borrower_id))], companionsUntil],
  });
  const mine = new Set(due.map(({ attribution_id }) => attribution_id));
  return [...due, ...companions.filter(({ attribution_id }) => !mine.has(attribution_id))];
}

async function finish(client: Client, work?: () => Promise<void>): Promise<void> {
  try {
    await work?.();
    await client.query(work ? 'COMMIT' : 'ROLLBACK');
  } catch (error) {
    client.release(error as Error);
    throw error;
  }
  client.release();
}

/** The moment at which the first schedule wants attention; undefined when none does. */
export async function soonest(pool: Pool): Promise<string | undefined> {
  const { rows } = await pool.query<{ at: Date | null }>({ name: 'scheduler-soonest', text: `SELECT min(next_at) AS at FROM ${IN} WHERE next_at IS NOT NULL` });
  return rows[0]?.at?.toISOString();
}

export async function find(pool: Pool, attributionId: string): Promise<Schedule | undefined> {
  const { rows } = await pool.query<Row>(`SELECT ${COLUMNS} FROM ${IN} WHERE attribution_id = $1`, [attributionId]);
  return rows[0] && fromRow(rows[0]);
}

/**
 * Changes open schedules that were planned under an older policy, one page after `after`.
 * Resolves to the page's last loan, undefined after the last page.
 */
export async function replanPage(pool: Pool, { version, after, limit, change }: { version: number; after: string; limit: number; change: (schedule: Schedule) => Schedule }): Promise<string | undefined> {
  return inTransaction(pool, async (client) => {
    const { rows } = await client.query<Row>(
      `SELECT ${COLUMNS} FROM ${IN} WHERE attribution_id > $3 AND open AND policy_version < $1 ORDER BY attribution_id LIMIT $2 FOR UPDATE`, [version, limit, after]);
    await write(client, rows.map((row) => {
      const schedule = change(fromRow(row));
      return { schedule, next: nextAt(schedule) };
    }));
    return rows.at(-1)?.attribution_id;
  });
}

/** Rows of these loans, locked. */
export async function lock(client: Client, attributionIds: readonly string[]): Promise<Schedule[]> {
  const { rows } = await client.query<Row>(`SELECT ${COLUMNS} FROM ${IN} WHERE attribution_id = ANY($1) FOR UPDATE`, [attributionIds]);
  return rows.map(fromRow);
}

/** Open schedules, all of one borrower at a time, read a page at a time. */
export async function* schedulesByBorrower(pool: Pool, page = 2000): AsyncGenerator<Schedule[]> {
  let kept: Schedule[] = [];
  for (let [borrower, attribution] = ['', '']; ;) {
    const { rows } = await pool.query<Row>(
      `SELECT ${COLUMNS} FROM ${IN} WHERE next_at IS NOT NULL AND (borrower_id, attribution_id) > ($1, $2) ORDER BY borrower_id, attribution_id LIMIT $3`,
      [borrower, attribution, page]);
    for (const schedule of rows.map(fromRow)) {
      if (kept.length > 0 && kept[0]!.loan.borrowerId !== schedule.loan.borrowerId) {
        yield kept;
        kept = [];
      }
      kept.push(schedule);
    }
    if (rows.length < page) break;
    const last = fromRow(rows.at(-1)!).loan;
    [borrower, attribution] = [last.borrowerId, last.attributionId];
  }
  if (kept.length > 0) yield kept;
}
