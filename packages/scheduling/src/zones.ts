import type { RecordedEvent } from '@rappel/event-store';
import { offsetAt, type BorrowerEvent } from '@rappel/lending';
import { textArray, type Client, type Pool } from '@rappel/postgres';
import type { ZoneChange } from './schedule.ts';

/** A change with its place in the borrower's stream. */
interface Change extends ZoneChange {
  readonly version: number;
}
type Changes = ReadonlyMap<string, readonly Change[]>;

// The row of `moves`: whoever plans holds it shared, whoever changes a zone alone: no loan is planned in a zone that is just being left.
// The tables come first, as they do in any statement and in a rebuild, so that nobody holds the row and waits for whoever wants it.
const TABLES = 'LOCK TABLE scheduler.schedules, scheduler.zones IN';

/** Zones stay as they are until the end of the transaction. */
export async function holdZones(client: Client): Promise<void> {
  await client.query(`${TABLES} ROW EXCLUSIVE MODE; SELECT n FROM scheduler.moves FOR SHARE`);
}

/** Nobody plans until the end of the transaction; what was planned with the zones of before and is not stored yet is planned again. */
async function holdZonesAlone(client: Client): Promise<void> {
  await client.query(`${TABLES} ROW EXCLUSIVE MODE; UPDATE scheduler.moves SET n = n + 1`);
}

/** Empties both tables; everybody waits for the end of the transaction. */
export async function emptyAlone(client: Client): Promise<void> {
  await client.query(`${TABLES} ACCESS EXCLUSIVE MODE; UPDATE scheduler.moves SET n = n + 1; TRUNCATE scheduler.zones, scheduler.schedules`);
}

/** Where these borrowers have lived; who never had a zone of their own is missing. */
export const zonesOf = async (db: Pool | Client, borrowerIds: readonly string[]): Promise<Changes> => (await zonesNow(db, borrowerIds)).zones;

/** The same with `moves`, by which `put` knows whether that is still so. */
export async function zonesNow(db: Pool | Client, borrowerIds: readonly string[]): Promise<{ readonly zones: Changes; readonly moves: string }> {
  const { rows } = await db.query<{ moves: string; borrower_id: string | null; changes: Change[] }>({
    name: 'scheduler-zones', text: 'SELECT n AS moves, borrower_id, changes FROM scheduler.moves LEFT JOIN scheduler.zones ON borrower_id = ANY($1)',
    values: [textArray([...new Set(borrowerIds)])],
  });
  return { moves: rows[0]!.moves, zones: new Map(rows.flatMap(({ borrower_id, changes }) => (borrower_id === null ? [] : [[borrower_id, changes]]))) };
}

/** Takes in what borrowers' events say of their zones, in any number of repetitions; resolves to those who moved. */
export async function keepZones(client: Client, events: readonly RecordedEvent[]): Promise<readonly string[]> {
  await holdZonesAlone(client);
  const moved = movedBy(events, await zonesOf(client, borrowersIn(events)));
  if (moved.size > 0) {
    await client.query({
      text: `INSERT INTO scheduler.zones (borrower_id, changes) SELECT * FROM unnest($1::text[], $2::json[])
        ON CONFLICT (borrower_id) DO UPDATE SET changes = excluded.changes`,
      values: [textArray([...moved.keys()]), textArray([...moved.values()].map((changes) => JSON.stringify(changes)), 'json')],
    });
  }
  return [...moved.keys()];
}

/** Whether these events say anything new; most borrowers never have a zone of their own. */
export const anyMoves = async (pool: Pool, events: readonly RecordedEvent[]): Promise<boolean> => movedBy(events, await zonesOf(pool, borrowersIn(events))).size > 0;

const borrowersIn = (events: readonly RecordedEvent[]): string[] => events.map((recorded) => (recorded as unknown as BorrowerEvent).data.borrowerId);

function movedBy(events: readonly RecordedEvent[], kept: Changes): Changes {
  const moved = new Map<string, readonly Change[]>();
  for (const recorded of events) {
    const { type, data } = recorded as unknown as BorrowerEvent;
    const before = moved.get(data.borrowerId) ?? kept.get(data.borrowerId) ?? [];
    const zone = type === 'BorrowerForgotten' ? undefined : known(data.zone);
    const after = append(before, { version: recorded.version, at: data.at, ...(zone && { zone }) });
    if (after !== before) moved.set(data.borrowerId, after);
  }
  return moved;
}

/** The same list when the change is none, or an older one that comes again. */
function append(before: readonly Change[], change: Change): readonly Change[] {
  const last = before.at(-1);
  if (change.zone === last?.zone) return before;
  if (!last) return [change];
  // A clock that was set back does not turn the order of moves round.
  return change.version <= last.version ? before : [...before, { ...change, at: last.at > change.at ? last.at : change.at }];
}

/** A zone that this machine does not know is none: its borrower is told by the department's clock rather than not at all. */
function known(zone: string | undefined): string | undefined {
  try {
    if (zone) offsetAt(zone, 0);
    return zone;
  } catch {
    return undefined;
  }
}
