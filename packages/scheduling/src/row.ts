import type { Channel, LoanSnapshot } from '@rappel/contracts';
import { boolArray, instantArray, int4Array, textArray } from '@rappel/postgres';
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
  readonly rungs: string;
  readonly settled: string;
  readonly policy_version: number;
  readonly recorded: number;
}

export const COLUMNS = 'attribution_id, borrower_id, open, loan, zone, correlation, basis, rungs, settled, policy_version, recorded';

export const fromRow = (row: Row): Schedule => ({
  loan: JSON.parse(row.loan) as LoanSnapshot, open: row.open, ...(row.zone ? { zone: row.zone } : {}),
  ...(row.correlation ? { correlationId: row.correlation } : {}), basis: row.basis,
  rungs: withSettled(readRungs(row.rungs), row.settled), policyVersion: row.policy_version, recorded: row.recorded,
});

function withSettled(rungs: readonly Rung[], settled: string): readonly Rung[] {
  if (settled === '') return rungs;
  const outcomes = new Map(settled.split(' ').map((entry) => entry.split('=') as [string, NonNullable<Rung['done']>]));
  return rungs.map((rung) => {
    const done = outcomes.get(rungKey(rung));
    return done ? { ...rung, done } : rung;
  });
}

export const settledOf = ({ rungs }: Schedule): string => rungs.flatMap((rung) => (rung.done ? [`${rungKey(rung)}=${rung.done}`] : [])).join(' ');

/** A rung without its outcome: places instead of names, since a million loans have seven each. */
type Written = [type: RungType, n: number, at: string, until: string | 0, policy: number, rest?: { channels?: Channel[]; level?: number; skip?: SkipReason }];

const write = (rungs: readonly Rung[]): string => JSON.stringify(rungs.map(({ type, n, at, until, policy, channels, level, skip }): Written =>
  (channels ?? level ?? skip ? [type, n, at, until ?? 0, policy, { channels, level, skip } as Written[5]] : [type, n, at, until ?? 0, policy])));

// Many loans share one plan.
const written = new WeakMap<readonly Rung[], string>();

/** A schedule's rungs as planned. */
export function plannedOf({ rungs }: Schedule): string {
  let text = written.get(rungs);
  if (text === undefined) written.set(rungs, text = write(rungs));
  return text;
}

const readRungs = (text: string): Rung[] => (JSON.parse(text) as Written[]).map(([type, n, at, until, policy, rest]) => ({ type, n, at, ...(until ? { until } : {}), policy, ...rest }));

/** The values of `INSERT_COLUMNS`, one array for each. */
export const valuesOf = (schedules: readonly Schedule[]): Buffer[] => [
  textArray(schedules.map(({ loan }) => loan.attributionId)), textArray(schedules.map(({ loan }) => loan.borrowerId)),
  int4Array(schedules.map(({ loan }) => loan.dueVersion)), boolArray(schedules.map(({ open }) => open)),
  textArray(schedules.map(({ loan }) => JSON.stringify(loan))), textArray(schedules.map(({ zone }) => zone)), textArray(schedules.map(({ basis }) => basis)),
  textArray(schedules.map(plannedOf)), textArray(schedules.map(settledOf)),
  int4Array(schedules.map(({ policyVersion }) => policyVersion)), int4Array(schedules.map(({ recorded }) => recorded)), instantArray(schedules.map(nextAt)),
  textArray(schedules.map(({ correlationId }) => correlationId)),
];

export const INSERT_COLUMNS = 'attribution_id, borrower_id, due_version, open, loan, zone, basis, rungs, settled, policy_version, recorded, next_at, correlation';
export const UNNESTED = 'unnest($1::text[], $2::text[], $3::int[], $4::boolean[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::int[], $11::int[], $12::timestamptz[], $13::text[])';
