import type { LoanSnapshot } from '@rappel/contracts';
import { plannedRungs } from './plan.ts';
import type { ActivePolicy } from './policy.ts';
import { rungKey, type Rung } from './rung.ts';

/** What the scheduler knows of one loan. Derived from events: may be dropped and rebuilt. */
export interface Schedule {
  readonly loan: LoanSnapshot;
  /** False once it is back or cancelled; never true again. */
  readonly open: boolean;
  /** The borrower's own zone, when known. */
  readonly zone?: string;
  /** Conversation of the event that it was planned from; what is told belongs to it. */
  readonly correlationId?: string;
  /** Business time of the event that it was planned from. */
  readonly basis: string;
  /** Every rung of the current due version, done or to come, in order. */
  readonly rungs: readonly Rung[];
  /** Policy version it was last planned under. */
  readonly policyVersion: number;
  /** How many events the store holds in its stream. */
  readonly recorded: number;
}

/** A borrower has had this zone from `at` on (business time); absent `zone` = none of their own. */
export interface ZoneChange {
  readonly at: string;
  readonly zone?: string;
}

/** What a plan depends on beside the loan: as they followed one another, at least one policy. */
export interface Circumstances {
  readonly policies: readonly ActivePolicy[];
  readonly zones: readonly ZoneChange[];
}

/**
 * A loan's schedule under the policies and zones as they followed one another: planned under those in force at `basis`, then
 * planned anew at each change. What was due before a change stays as it was planned.
 */
export function planThrough({ loan, correlationId, basis, policies, zones }: Pick<Schedule, 'loan' | 'correlationId' | 'basis'> & Circumstances): Schedule {
  const [policy, moved] = [Math.max(0, policies.findLastIndex(({ at }) => at < basis)), zones.findLastIndex(({ at }) => at <= basis)];
  const active = policies[policy]!;
  const zone = zones[moved]?.zone;
  const start: Schedule = {
    loan, open: true, ...(zone ? { zone } : {}), ...(correlationId ? { correlationId } : {}), basis,
    rungs: plannedRungs({ loan, ...(zone ? { zone } : {}), basis, active }), policyVersion: active.version, recorded: 0,
  };
  const changes: Change[] = [...policies.slice(policy + 1).map((next) => ({ at: next.at, active: next })), ...zones.slice(moved + 1).map((next) => ({ at: next.at, moved: next }))];
  return changes.toSorted((a, b) => compare(a.at, b.at)).reduce(
    (now, change) => ({ active: change.active ?? now.active, schedule: planAnew(now.schedule, { active: now.active, ...change }) }),
    { schedule: start, active },
  ).schedule;
}

interface Change { at: string; active?: ActivePolicy; moved?: ZoneChange }

/** Plans what is still to come under a policy that has just come into force. */
export const underNewPolicy = (schedule: Schedule, active: ActivePolicy): Schedule => planAnew(schedule, { at: active.at, active });

function planAnew(schedule: Schedule, { at, active, moved }: Change & { active: ActivePolicy }): Schedule {
  if (!schedule.open) return { ...schedule, policyVersion: active.version };
  const { zone: before, ...rest } = schedule;
  const zone = moved ? moved.zone : before;
  // What changed before the loan's event changes all of its plan.
  const since = at > schedule.basis;
  // A new policy asks for nothing that is past; who has moved is told late what their old clocks would have told them yet.
  const asksAnew = since && !moved;
  const basis = asksAnew ? at : schedule.basis;
  const kept = schedule.rungs.filter((rung) => rung.done !== undefined || (since && rung.at <= at));
  const keys = new Set(kept.map(rungKey));
  const fresh = plannedRungs({ loan: schedule.loan, ...(zone ? { zone } : {}), basis, active })
    .filter((rung) => !keys.has(rungKey(rung)))
    .map((rung): Rung => (asksAnew && rung.type === 'RETARD' && rung.at < at ? { ...rung, skip: 'already-past' } : rung));
  return { ...rest, ...(zone ? { zone } : {}), rungs: inOrder([...kept, ...fresh]), policyVersion: active.version };
}

/**
 * A schedule planned again from its beginning, after the policy or the borrower's zone changed: what was told stays told. The
 * order in which changes are heard of makes no difference.
 */
export function plannedAgain(schedule: Schedule, circumstances: Circumstances): Schedule {
  if (!schedule.open) return schedule;
  const planned = planThrough({ ...schedule, ...circumstances });
  return { ...planned, recorded: schedule.recorded, rungs: settle(planned.rungs, schedule.rungs.filter(({ done }) => done)) };
}

/** The first rung still to come. */
export const nextRung = ({ open, rungs }: Pick<Schedule, 'open' | 'rungs'>): Rung | undefined => {
  if (!open) return undefined;
  return rungs.filter(({ done }) => done === undefined).reduce<Rung | undefined>((first, rung) => (first && wakeAt(first) <= wakeAt(rung) ? first : rung), undefined);
};

/** What is known not to be sent is recorded at once. */
const wakeAt = (rung: Rung): string => (rung.skip ? '' : rung.at);

/** Business time at which the schedule wants attention; `basis` when something is to be recorded at once. */
export function nextAt(schedule: Schedule): string | undefined {
  const rung = nextRung(schedule);
  if (!rung) return undefined;
  return rung.skip && schedule.basis < rung.at ? schedule.basis : rung.at;
}

/** Marks rungs as done, at the moment and under the policy that the fact names; one that is not there any more is kept as a fact. */
export function settle(rungs: readonly Rung[], facts: readonly Rung[]): Rung[] {
  if (facts.length === 0) return [...rungs];
  const byKey = new Map(facts.map((fact) => [rungKey(fact), fact]));
  let moved = false;
  const marked = rungs.map((rung) => {
    const fact = byKey.get(rungKey(rung));
    byKey.delete(rungKey(rung));
    if (!fact || rung.done !== undefined) return rung;
    moved ||= fact.at !== rung.at;
    return { ...rung, at: fact.at, policy: fact.policy, done: fact.done! };
  });
  return byKey.size === 0 && !moved ? marked : inOrder([...marked, ...byKey.values()]);
}

const inOrder = (rungs: Rung[]): Rung[] => rungs.toSorted((a, b) => compare(a.at, b.at) || compare(a.type, b.type) || a.n - b.n);
const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b));
