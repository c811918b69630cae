import type { Channel, LoanSnapshot } from '@rappel/contracts';
import { boolArray, instantArray, int4Array, textArray } from '@rappel/postgres';
import { isoOf } from './calendar.ts';
import { rungKey, type Rung, type RungType, type SkipReason } from './rung.ts';
import { nextAt, type Schedule } from './schedule.ts';

/** A row of `scheduler.schedules` as PostgreSQL gives it. */
export interface Row {
  readonly attribution_id: string;
  readonly borrower_id: string;
  readonly open: boolean;
  readonly loan: string;
  readonly zone: string | null;
  readonly correlation: string | null;
  readonly basis: string;
  readonly plan: string;
  readonly settled: string;
  readonly policy_version: number;
  readonly recorded: number;
}

export const COLUMNS = 'attribution_id, borrower_id, open, loan, zone, correlation, basis, plan, settled, policy_version, recorded';

export const fromRow = (row: Row): Schedule => ({
  loan: JSON.parse(row.loan) as LoanSnapshot, open: row.open, ...(row.zone ? { zone: row.zone } : {}),
  ...(row.correlation ? { correlationId: row.correlation } : {}), basis: row.basis,
  rungs: withSettled(readRungs(row.plan), row.settled), policyVersion: row.policy_version, recorded: row.recorded,
});

function withSettled(rungs: readonly Rung[], settled: string): readonly Rung[] {
  if (settled === '') return rungs;
  const outcomes = new Map(settled.split(' ').map((entry) => entry.split('=') as [string, NonNullable<Rung['done']>]));
  return rungs.map((rung) => {
    const done = outcomes.get(rungKey(rung));
    return done ? { ...rung, done } : rung;
  });
}

export const settledOf = ({ rungs }: Schedule): string => rungs.filter(({ done }) => done).map((rung) => `${rungKey(rung)}=${rung.done!}`).join(' ');

/**
 * A rung without its outcome: places instead of names, since a million loans have seven each. Moments are seconds, exact to the
 * millisecond: `after` the first rung, whose instant stands before all, and of use for `lasts` from then on, null = for ever.
 * Half the bytes of instants, and bytes are what storing a plan costs.
 */
type Written = [type: RungType, n: number, after: number, lasts: number | null, policy: number, level?: number, rest?: { channels?: Channel[]; skip?: SkipReason }];

function write(rungs: readonly Rung[]): string {
  if (rungs.length === 0) return '[]';
  const first = rungs[0]!.at;
  return JSON.stringify([first, ...rungs.map(({ type, n, at, until, policy, channels, level, skip }): Written => {
    const planned: Written = [type, n, seconds(first, at), until === undefined ? null : seconds(at, until), policy];
    if (channels ?? skip) planned.push(level ?? 0, { channels, skip } as Written[6]);
    else if (level) planned.push(level);
    return planned;
  })]);
}

const seconds = (from: string, to: string): number => (Date.parse(to) - Date.parse(from)) / 1000;

function readRungs(text: string): Rung[] {
  const [first, ...written] = JSON.parse(text) as [string, ...Written[]];
  const start = Date.parse(first);
  return written.map(([type, n, after, lasts, policy, level, rest]) => {
    const at = start + Math.round(after * 1000);
    return { type, n, at: isoOf(at), ...(lasts === null ? {} : { until: isoOf(at + Math.round(lasts * 1000)) }), policy, ...(level ? { level } : {}), ...rest };
  });
}

// Many loans share one plan.
const written = new WeakMap<readonly Rung[], string>();

/** A schedule's rungs as planned. */
export function plannedOf({ rungs }: Schedule): string {
  let text = written.get(rungs);
  if (text === undefined) written.set(rungs, text = write(rungs));
  return text;
}

/** The values of `INSERT_COLUMNS`, one array for each. */
export const valuesOf = (schedules: readonly Schedule[]): Buffer[] => [
  textArray(schedules.map(({ loan }) => loan.attributionId)), textArray(schedules.map(({ loan }) => loan.borrowerId)),
  int4Array(schedules.map(({ loan }) => loan.dueVersion)), boolArray(schedules.map(({ open }) => open)),
  textArray(schedules.map(({ loan }) => JSON.stringify(loan))), textArray(schedules.map(({ zone }) => zone)), textArray(schedules.map(({ basis }) => basis)),
  textArray(schedules.map(plannedOf)), textArray(schedules.map(settledOf)),
  int4Array(schedules.map(({ policyVersion }) => policyVersion)), int4Array(schedules.map(({ recorded }) => recorded)), instantArray(schedules.map(nextAt)),
  textArray(schedules.map(({ correlationId }) => correlationId)),
];

export const INSERT_COLUMNS = 'attribution_id, borrower_id, due_version, open, loan, zone, basis, plan, settled, policy_version, recorded, next_at, correlation';
export const UNNESTED = 'unnest($1::text[], $2::text[], $3::int[], $4::boolean[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::int[], $11::int[], $12::timestamptz[], $13::text[])';
