import { EventRefused, prepareAppends, VersionConflict, isStoreUnavailable, type Append, type Appended, type PreparedAppend } from '@rappel/event-store';
import { instantArray, int4Array, textArray, uuidArray } from '@rappel/postgres';
import type { Row, Run } from './connection.ts';
import { checkpointOf } from './decode.ts';
import { createGather } from './gather.ts';

type Unit = readonly PreparedAppend[];

const WRITE = 'SELECT event_store.write_group($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)';
const JUDGE = 'SELECT outcomes, versions, positions FROM event_store.append_group($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)';
// As append_group answers.
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
      const group = encode(units);
      const [written] = await run(WRITE, [group.streams, group.expected, group.before, ...group.events], { prepared: true });
      const answers = written![0] ? allWritten(units, written![0]) : judged(units, await judge(units, group));
      onWritten(units);
      return answers;
    } catch (error) {
      if (units.length === 1 || isStoreUnavailable(error)) throw error;
      // The server choked on something in the group: let each one have its own answer.
      return Promise.all(units.map((unit) => runGroup([unit]).then(([answer]) => answer!, (reason: unknown) => reason as Error)));
    }
  }
  async function judge(units: readonly Unit[], { streams, expected, events }: Encoded): Promise<Row> {
    const unitOf = units.flatMap((unit, i) => unit.map(() => i));
    const sizes = units.flatMap((unit) => unit.map((append) => append.events.length));
    const [row] = await run(JUDGE, [int4Array(unitOf), streams, expected, int4Array(sizes), ...events], { prepared: true });
    return row!;
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

type Encoded = ReturnType<typeof encode>;

function encode(units: readonly Unit[]) {
  const appends = units.flat();
  const events = appends.flatMap((append) => append.events);
  const before: number[] = [];
  const appendOf: number[] = [];
  const indexes: number[] = [];
  appends.forEach((append, i) => {
    before.push(appendOf.length);
    for (let index = 1; index <= append.events.length; index++) {
      appendOf.push(i + 1);
      indexes.push(index);
    }
  });
  return {
    streams: textArray(appends.map(({ stream }) => stream)),
    expected: int4Array(appends.map(({ expected }) => (expected === 'any' ? -1 : Math.min(expected, 2_147_483_647)))),
    before: int4Array(before),
    events: [
      int4Array(appendOf),
      int4Array(indexes),
      uuidArray(events.map(({ id }) => id)),
      textArray(events.map(({ type }) => type)),
      textArray(events.map(({ data }) => data), 'json'),
      textArray(events.map(({ personal }) => personal), 'json'),
      textArray(events.map(({ metadata }) => metadata), 'json'),
      instantArray(events.map(({ recordedAt }) => recordedAt)),
    ],
  };
}

const listOf = (array: string | null): string[] => array!.slice(1, -1).split(',');

/** From the last position before and each stream's version before. */
function allWritten(units: readonly Unit[], before: string): Appended[][] {
  const [head, ...held] = listOf(before);
  let position = BigInt(head!);
  let next = 0;
  return units.map((unit) => unit.map(({ stream, events }) => {
    position += BigInt(events.length);
    return { stream, version: Number(held[next++]) + events.length, checkpoint: checkpointOf(String(position)), duplicate: false };
  }));
}

function judged(units: readonly Unit[], row: Row): (Appended[] | Error)[] {
  const [outcomes, versions, positions] = row.map(listOf);
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
