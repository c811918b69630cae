import type { Channel, LoanSnapshot } from '@rappel/contracts';
import { boolArray, instantArray, int4Array, textArray } from '@rappel/postgres';
import { isoOf } from './calendar.ts';
import { plannedRungs } from './plan.ts';
import type { ActivePolicy } from './policy.ts';
import { rungKey, type Rung, type RungType, type SkipReason } from './rung.ts';
import { nextAt, type Schedule } from './schedule.ts';

/** A row of `scheduler.schedules` as PostgreSQL gives it. */
export interface Row {
  readonly attribution_id: string;
  readonly borrower_id: string;
  readonly due_version: number;
  readonly open: boolean;
  /** JSON: the loan without what has columns of its own; older rows hold all of it. */
  readonly lent: string;
  readonly zone: string | null;
  readonly correlation: string | null;
  readonly basis: string;
  /** Null: what `plannedRungs` gives for the loan, zone, basis and policy of the row. */
  readonly plan: string | null;
  readonly settled: string;
  readonly policy_version: number;
  readonly recorded: number;
}

export const COLUMNS = 'attribution_id, borrower_id, due_version, open, lent, zone, correlation, basis, plan, settled, policy_version, recorded';

/** @param active the policy that the row names */
export function fromRow({ attribution_id: attributionId, borrower_id: borrowerId, due_version: dueVersion, lent, ...row }: Row, active: ActivePolicy): Schedule {
  const loan = Object.assign({ attributionId, borrowerId, dueVersion }, JSON.parse(lent) as Lent);
  const planned: Planned = { loan, basis: row.basis, ...(row.zone ? { zone: row.zone } : {}) };
  return {
    ...planned, open: row.open, ...(row.correlation ? { correlationId: row.correlation } : {}),
    rungs: withSettled(row.plan === null ? plannedRungs({ ...planned, active }) : readRungs(row.plan), row.settled), policyVersion: row.policy_version, recorded: row.recorded,
  };
}
type Planned = Pick<Schedule, 'loan' | 'zone' | 'basis'>;

type Lent = Omit<LoanSnapshot, 'attributionId' | 'borrowerId' | 'dueVersion'>;

/** A loan without what has columns of its own. Field by field: one that the contract gains does not compile until it is here. */
export function lentOf({ loan: { department, category, item, duration, due, dueAt } }: Schedule): string {
  const lent: Record<keyof Lent, unknown> = { department, category, item, duration, due, dueAt };
  return JSON.stringify(lent);
}

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

const NONE = '[]';

function write(rungs: readonly Rung[]): string {
  if (rungs.length === 0) return NONE;
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

function textOf(rungs: readonly Rung[]): string {
  let text = written.get(rungs);
  if (text === undefined) written.set(rungs, text = write(rungs));
  return text;
}

/**
 * A schedule's rungs as planned; undefined when they are what anybody works out from its row, as most are.
 * @param active the policy that it was last planned under
 */
export function plannedOf({ loan, zone, basis, rungs }: Schedule, active: ActivePolicy): string | undefined {
  if (rungs.length === 0) return NONE;
  const usual = plannedRungs({ loan, basis, active, ...(zone ? { zone } : {}) });
  return rungs === usual || textOf(rungs) === textOf(usual) ? undefined : textOf(rungs);
}

/** @param policies all, by their versions from 1 */
export const plansOf = (schedules: readonly Schedule[], policies: readonly ActivePolicy[]): (string | undefined)[] =>
  schedules.map((schedule) => plannedOf(schedule, policies[schedule.policyVersion - 1]!));

/** The values of `INSERTED`, one array for each, of schedules nothing of which is told yet. */
export const valuesOf = (schedules: readonly Schedule[], policies: readonly ActivePolicy[]): Buffer[] => [
  textArray(schedules.map(({ loan }) => loan.attributionId)), textArray(schedules.map(({ loan }) => loan.borrowerId)),
  int4Array(schedules.map(({ loan }) => loan.dueVersion)), boolArray(schedules.map(({ open }) => open)),
  textArray(schedules.map(lentOf)), textArray(schedules.map(({ zone }) => zone)), textArray(schedules.map(({ basis }) => basis)),
  textArray(plansOf(schedules, policies)), int4Array(schedules.map(({ policyVersion }) => policyVersion)), instantArray(schedules.map(nextAt)),
  textArray(schedules.map(({ correlationId }) => correlationId)),
];

// Side by side in the select list: as a function in FROM, each array would be copied into a store of rows first.
const UNNESTED = ['text', 'text', 'int', 'boolean', 'text', 'text', 'text', 'text', 'int', 'timestamptz', 'text'].map((type, i) => `unnest($${i + 1}::${type}[])`).join(', ');
export const INSERTED = `(attribution_id, borrower_id, due_version, open, lent, zone, basis, plan, policy_version, next_at, correlation, settled, recorded) SELECT ${UNNESTED}, '', 0`;
