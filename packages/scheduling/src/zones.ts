import type { RecordedEvent } from '@rappel/event-store';
import { offsetAt, type BorrowerEvent } from '@rappel/lending';
import { lockKey, textArray, type Client, type Pool } from '@rappel/postgres';
import type { ZoneChange } from './schedule.ts';

/** A change with its place in the borrower's stream. */
interface Change extends ZoneChange {
  readonly version: number;
}
type Changes = ReadonlyMap<string, readonly Change[]>;

// Whoever plans holds it shared, whoever changes a zone alone: no loan is planned in a zone that is just being left.
const ZONES = lockKey('rappel:scheduler:zones');

/** Zones stay as they are until the end of the transaction. */
export async function holdZones(client: Client): Promise<void> {
  await client.query({ name: 'scheduler-hold-zones', text: 'SELECT pg_advisory_xact_lock_shared($1)', values: [ZONES] });
}

/** Nobody plans until the end of the transaction. */
export async function holdZonesAlone(client: Client): Promise<void> {
  await client.query('SELECT pg_advisory_xact_lock($1)', [ZONES]);
}

/** Where these borrowers have lived; who never had a zone of their own is missing. */
export async function zonesOf(db: Pool | Client, borrowerIds: readonly string[]): Promise<Changes> {
  const { rows } = await db.query<{ borrower_id: string; changes: Change[] }>({
    name: 'scheduler-zones', text: 'SELECT borrower_id, changes FROM scheduler.zones WHERE borrower_id = ANY($1)', values: [textArray([...new Set(borrowerIds)])],
  });
  return new Map(rows.map(({ borrower_id, changes }) => [borrower_id, changes]));
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
