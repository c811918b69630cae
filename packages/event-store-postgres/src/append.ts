import { EventRefused, prepareAppends, VersionConflict, isStoreUnavailable, type Append, type Appended, type PreparedAppend } from '@rappel/event-store';
import { instantArray, int4Array, textArray, uuidArray } from '@rappel/postgres';
import type { Run } from './connection.ts';
import { checkpointOf } from './decode.ts';
import { createGather } from './gather.ts';

type Unit = readonly PreparedAppend[];

const SQL = 'SELECT outcomes, versions, positions FROM event_store.append_group($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)';
// As the function answers.
const WRITTEN = 0;
const DUPLICATE = 1;
const CONFLICT = 2;
const PARTLY = 3;

// An append costs about as much as 4 events of 300 bytes more.
const weightOf = (unit: Unit): number =>
  unit.reduce((weight, { events }) => weight + 4 + events.reduce((sum, { bytes }) => sum + 1 + bytes / 300, 0), 0);

export interface Appender {
  append(appends: readonly Append[]): Promise<Appended[]>;
  idle(): Promise<void>;
}

/** Concurrent appends travel together: one statement, one transaction, an answer for each. */
export function createAppender(run: Run, { lanes, onWritten }: { lanes: number; onWritten: (units: readonly Unit[]) => void }): Appender {
  async function runGroup(units: readonly Unit[]): Promise<(Appended[] | Error)[]> {
    try {
      const [row] = await run(SQL, parameters(units), { prepared: true });
      onWritten(units);
      return answers(units, row!.map((list) => list!.slice(1, -1).split(',')));
    } catch (error) {
      if (units.length === 1 || isStoreUnavailable(error)) throw error;
      // The server choked on something in the group: let each one have its own answer.
      return Promise.all(units.map((unit) => runGroup([unit]).then(([answer]) => answer!, (reason: unknown) => reason as Error)));
    }
  }
  const gather = createGather<Unit, Appended[]>({
    lanes, weightOf, run: runGroup,
    mostWeight: 4000,
    fullWeight: 100,
    keysOf: (unit) => unit.map(({ stream }) => stream),
  });
  return {
    append: async (appends) => (appends.length === 0 ? [] : gather.add(prepareAppends(appends))),
    idle: () => gather.idle(),
  };
}

function parameters(units: readonly Unit[]): Buffer[] {
  const appends = units.flat();
  const events = appends.flatMap((append) => append.events);
  const unitOf = units.flatMap((unit, i) => unit.map(() => i));
  return [
    int4Array(unitOf),
    textArray(appends.map(({ stream }) => stream)),
    int4Array(appends.map(({ expected }) => (expected === 'any' ? -1 : Math.min(expected, 2_147_483_647)))),
    int4Array(appends.map((append) => append.events.length)),
    int4Array(appends.flatMap((append, i) => append.events.map(() => i + 1))),
    int4Array(appends.flatMap((append) => append.events.map((_, i) => i + 1))),
    uuidArray(events.map(({ id }) => id)),
    textArray(events.map(({ type }) => type)),
    textArray(events.map(({ data }) => data), 'json'),
    textArray(events.map(({ personal }) => personal), 'json'),
    textArray(events.map(({ metadata }) => metadata), 'json'),
    instantArray(events.map(({ recordedAt }) => recordedAt)),
  ];
}

function answers(units: readonly Unit[], [outcomes, versions, positions]: readonly string[][]): (Appended[] | Error)[] {
  let next = 0;
  return units.map((unit) => {
    const first = next;
    next += unit.length;
    let failure: Error | undefined;
    const appended = unit.map((append, i): Appended => {
      const outcome = Number(outcomes![first + i]);
      const version = Number(versions![first + i]);
      failure ??= failureOf(outcome, version, append);
      return { stream: append.stream, version, checkpoint: checkpointOf(positions![first + i]!), duplicate: outcome === DUPLICATE };
    });
    return failure ?? appended;
  });
}

function failureOf(outcome: number, version: number, { stream, events, expected }: PreparedAppend): Error | undefined {
  if (outcome === WRITTEN || outcome === DUPLICATE) return undefined;
  if (outcome === CONFLICT) return new VersionConflict({ stream, expected: expected as number, actual: version });
  if (outcome === PARTLY) return new EventRefused(`stream ${stream} already holds ${version} of these ${events.length} events`);
  return undefined; // spoiled by another append of its unit, whose failure is the answer
}
