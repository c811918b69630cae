import { instantArray, int4Array, lockKey, textArray, type Client, type Pool } from '@rappel/postgres';
import { COLUMNS, fromRow, INSERTED, plansOf, settledOf, valuesOf, type Row } from './row.ts';
import type { PolicyBook } from './policies.ts';
import type { ActivePolicy } from './policy.ts';
import type { Schedule } from './schedule.ts';

const IN = 'scheduler.schedules';

/** What wins when two messages about one loan meet: closed is final, else the higher due version. */
export const outranks = (a: Schedule, b: Schedule): boolean => b.open && (!a.open || a.loan.dueVersion > b.loan.dueVersion);

// The plan and what it was made from: a loan that is closed keeps what it was told by.
const PLANNED = ['due_version', 'lent', 'zone', 'correlation', 'basis', 'plan', 'settled', 'policy_version'];

/**
 * Takes in what messages say, in one statement, whatever order they come in: a row changes only when the news outranks it.
 * @param schedules one per loan
 * @param moves as they stood when the zones were read that the schedules were planned with
 * @returns false when a borrower has moved meanwhile: nothing is stored, plan again
 */
export async function put(db: Pool | Client, schedules: readonly Schedule[], { policies, moves }: { policies: readonly ActivePolicy[]; moves: string }): Promise<boolean> {
  // In one order everywhere, so that two instances never wait for each other.
  const ordered = schedules.toSorted((a, b) => (a.loan.attributionId < b.loan.attributionId ? -1 : 1));
  const { rowCount } = await db.query({
    name: 'scheduler-put',
    // Locked, so that it is compared as it is by now and not as it was when the statement began.
    text: `WITH held AS MATERIALIZED (SELECT n FROM scheduler.moves WHERE n = $12 FOR SHARE), stored AS (
      INSERT INTO ${IN} AS s ${INSERTED} FROM held
      ON CONFLICT (attribution_id) DO UPDATE SET open = excluded.open, next_at = excluded.next_at, ${PLANNED.map((column) => `${column} = CASE WHEN excluded.open THEN excluded.${column} ELSE s.${column} END`).join(', ')}
      WHERE s.open AND (NOT excluded.open OR excluded.due_version > s.due_version)
    ) SELECT FROM held`,
    values: [...valuesOf(ordered, policies), moves],
  });
  return rowCount === 1;
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
export async function write(client: Client, changed: readonly Changed[], policies: readonly ActivePolicy[]): Promise<void> {
  if (changed.length === 0) return;
  const schedules = changed.map(({ schedule }) => schedule);
  await client.query({
    name: 'scheduler-write',
    text: `
      UPDATE ${IN} s SET settled = v.settled, recorded = v.recorded, next_at = v.next_at, plan = v.plan, policy_version = v.policy_version, zone = v.zone
      FROM unnest($1::text[], $2::text[], $3::int[], $4::timestamptz[], $5::text[], $6::int[], $7::text[]) v (attribution_id, settled, recorded, next_at, plan, policy_version, zone)
      WHERE s.attribution_id = v.attribution_id`,
    values: [...outcomesOf(changed), textArray(plansOf(schedules, policies)), int4Array(schedules.map(({ policyVersion }) => policyVersion)), textArray(schedules.map(({ zone }) => zone))],
  });
}

const outcomesOf = (changed: readonly Changed[]): Buffer[] => [
  textArray(changed.map(({ schedule }) => schedule.loan.attributionId)), textArray(changed.map(({ schedule }) => settledOf(schedule))),
  int4Array(changed.map(({ schedule }) => schedule.recorded)), instantArray(changed.map(({ next }) => next)),
];

/** Due schedules, locked for this caller until `finish`. The locks go with the connection, so a killed process frees them at once. */
export interface Claim {
  /** Those that want attention now come first. */
  readonly schedules: readonly Schedule[];
  /** How many those are; the others share a borrower with one of them. */
  readonly due: number;
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
export async function claim(pool: Pool, book: PolicyBook, { limit, now, companionsUntil }: ClaimOptions): Promise<Claim | undefined> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    await client.query({ name: 'scheduler-claiming', text: 'SELECT pg_advisory_lock($1)', values: [CLAIMING] });
    const { rows, due } = await lockDue(client, { limit, now, companionsUntil });
    await client.query({ name: 'scheduler-claimed', text: 'SELECT pg_advisory_unlock($1)', values: [CLAIMING] });
    if (rows.length === 0) {
      await client.query('ROLLBACK');
      client.release();
      return undefined;
    }
    return {
      schedules: await schedulesOf(rows, book), due,
      finish: (changed, plansToo) => finish(client, () => (plansToo ? write(client, changed, book.all()) : writeSettled(client, changed))), release: () => finish(client),
    };
  } catch (error) {
    client.release(error as Error);
    throw error;
  }
}

async function lockDue(client: Client, { limit, now, companionsUntil }: ClaimOptions): Promise<{ rows: Row[]; due: number }> {
  const { rows: due } = await client.query<Row>({
    name: 'scheduler-due',
    text: `SELECT ${COLUMNS} FROM ${IN} WHERE next_at <= $1 ORDER BY next_at LIMIT $2 FOR UPDATE SKIP LOCKED`,
    values: [now, limit],
  });
  if (due.length === 0) return { rows: due, due: 0 };
  const { rows: companions } = await client.query<Row>({
    name: 'scheduler-companions',
    text: `SELECT ${COLUMNS} FROM ${IN} WHERE borrower_id = ANY($1) AND open AND next_at <= $2 FOR UPDATE SKIP LOCKED`,
    values: [textArray([...new Set(due.map(({ borrower_id }) => borrower_id))]), companionsUntil],
  });
  const mine = new Set(due.map(({ attribution_id }) => attribution_id));
  return { rows: [...due, ...companions.filter(({ attribution_id }) => !mine.has(attribution_id))], due: due.length };
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

/** Rows as schedules; a policy that another instance has just put in force is looked up first. */
async function schedulesOf(rows: readonly Row[], book: PolicyBook): Promise<Schedule[]> {
  await book.reach(rows.reduce((last, { policy_version }) => Math.max(last, policy_version), 0));
  const policies = book.all();
  return rows.map((row) => fromRow(row, policies[row.policy_version - 1]!));
}

export async function find(pool: Pool, book: PolicyBook, attributionId: string): Promise<Schedule | undefined> {
  const { rows } = await pool.query<Row>(`SELECT ${COLUMNS} FROM ${IN} WHERE attribution_id = $1`, [attributionId]);
  return (await schedulesOf(rows, book))[0];
}

/** Open loans, the first `limit` after `after`, that were planned under an older policy: locked. */
export async function lockOutdated(client: Client, book: PolicyBook, { version, after, limit }: { version: number; after: string; limit: number }): Promise<Schedule[]> {
  const { rows } = await client.query<Row>(`SELECT ${COLUMNS} FROM ${IN} WHERE attribution_id > $3 AND open AND policy_version < $1 ORDER BY attribution_id LIMIT $2 FOR UPDATE`, [version, limit, after]);
  return schedulesOf(rows, book);
}

/** Open loans of these borrowers, locked. */
export async function lockBorrowers(client: Client, book: PolicyBook, borrowerIds: readonly string[]): Promise<Schedule[]> {
  const { rows } = await client.query<Row>(`SELECT ${COLUMNS} FROM ${IN} WHERE borrower_id = ANY($1) AND open ORDER BY attribution_id FOR UPDATE`, [textArray(borrowerIds)]);
  return schedulesOf(rows, book);
}

/** Rows of these loans, locked. */
export async function lock(client: Client, book: PolicyBook, attributionIds: readonly string[]): Promise<Schedule[]> {
  const { rows } = await client.query<Row>(`SELECT ${COLUMNS} FROM ${IN} WHERE attribution_id = ANY($1) ORDER BY attribution_id FOR UPDATE`, [textArray(attributionIds)]);
  return schedulesOf(rows, book);
}

/** Open schedules, those too that have nothing more to come, all of one borrower at a time, read a page at a time. */
export async function* schedulesByBorrower(pool: Pool, book: PolicyBook, page = 2000): AsyncGenerator<Schedule[]> {
  let kept: Schedule[] = [];
  for (let [borrower, attribution] = ['', '']; ;) {
    const { rows } = await pool.query<Row>(
      `SELECT ${COLUMNS} FROM ${IN} WHERE open AND (borrower_id, attribution_id) > ($1, $2) ORDER BY borrower_id, attribution_id LIMIT $3`,
      [borrower, attribution, page]);
    for (const schedule of await schedulesOf(rows, book)) {
      if (kept.length > 0 && kept[0]!.loan.borrowerId !== schedule.loan.borrowerId) {
        yield kept;
        kept = [];
      }
      kept.push(schedule);
    }
    if (rows.length < page) break;
    const last = rows.at(-1)!;
    [borrower, attribution] = [last.borrower_id, last.attribution_id];
  }
  if (kept.length > 0) yield kept;
}
