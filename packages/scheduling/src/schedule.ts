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

/**
 * A loan's schedule under the policies as they followed one another: planned under the one in force at `basis`, then planned
 * anew at each change. What was due before a change stays as it was planned.
 * @param policies in order, at least one
 */
export function planThrough({ loan, zone, correlationId, basis, policies }: Pick<Schedule, 'loan' | 'zone' | 'correlationId' | 'basis'> & { policies: readonly ActivePolicy[] }): Schedule {
  const first = Math.max(0, policies.findLastIndex(({ at }) => at < basis));
  const active = policies[first]!;
  const start: Schedule = { loan, open: true, ...(zone ? { zone } : {}), ...(correlationId ? { correlationId } : {}), basis, rungs: plannedRungs({ loan, ...(zone ? { zone } : {}), basis, active }), policyVersion: active.version, recorded: 0 };
  return policies.slice(first + 1).reduce(underNewPolicy, start);
}

/** Plans what is still to come under a policy that has just come into force. */
export function underNewPolicy(schedule: Schedule, active: ActivePolicy): Schedule {
  if (schedule.policyVersion >= active.version) return schedule;
  if (!schedule.open) return { ...schedule, policyVersion: active.version };
  const { loan, zone } = schedule;
  // A policy that was in force before the loan's event was merely heard of late: nothing was rightly planned under another.
  const heardLate = active.at < schedule.basis;
  const basis = heardLate ? schedule.basis : active.at;
  const kept = schedule.rungs.filter(({ done, at }) => done !== undefined || (!heardLate && at <= active.at));
  const keys = new Set(kept.map(rungKey));
  const fresh = plannedRungs({ loan, ...(zone ? { zone } : {}), basis, active })
    .filter((rung) => !keys.has(rungKey(rung)))
    .map((rung): Rung => (!heardLate && rung.type === 'RETARD' && rung.at < active.at ? { ...rung, skip: 'already-past' } : rung));
  return { ...schedule, rungs: inOrder([...kept, ...fresh]), policyVersion: active.version };
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

/** Marks rungs as done; one that is not there any more is kept as a fact. */
export function settle(rungs: readonly Rung[], facts: readonly Rung[]): Rung[] {
  const byKey = new Map(facts.map((fact) => [rungKey(fact), fact]));
  const marked = rungs.map((rung) => {
    const fact = byKey.get(rungKey(rung));
    byKey.delete(rungKey(rung));
    return fact && rung.done === undefined ? { ...rung, done: fact.done! } : rung;
  });
  return byKey.size === 0 ? marked : inOrder([...marked, ...byKey.values()]);
}

const inOrder = (rungs: Rung[]): Rung[] => rungs.toSorted((a, b) => compare(a.at, b.at) || compare(a.type, b.type) || a.n - b.n);
const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b));
