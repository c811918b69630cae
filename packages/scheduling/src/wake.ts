import { afterQuiet } from './calendar.ts';
import { livingZone } from './plan.ts';
import type { ActivePolicy } from './policy.ts';
import type { Rung, SkipReason } from './rung.ts';
import { nextAt, settle, type Schedule } from './schedule.ts';

/** What the scheduler does about a loan, as data. */
export type Output =
  /** Tell it now. */
  | { readonly kind: 'emit'; readonly rung: Rung }
  /** Never told; recorded with its reason. */
  | { readonly kind: 'ignore'; readonly rung: Rung; readonly reason: SkipReason }
  /** Look again then. */
  | { readonly kind: 'remindAt'; readonly at: string }
  /** Nothing more to come. */
  | { readonly kind: 'cancel' };

/**
 * What a schedule leads to at `now`. However late it is asked, at most one reminder or overdue notice is told: the last one
 * that is ripe and still of use; those it overtook are recorded as such.
 */
export function wake(schedule: Schedule, now: string, { policy }: Pick<ActivePolicy, 'policy'>): Output[] {
  if (!schedule.open) return [{ kind: 'cancel' }];
  const waiting = schedule.rungs.filter(({ done }) => done === undefined);
  const known = waiting.flatMap((rung): Output[] => (rung.skip ? [{ kind: 'ignore', rung, reason: rung.skip }] : []));
  const ripe = waiting.filter(({ skip, at }) => !skip && at <= now);
  const last = ripe.at(-1);
  const zone = livingZone(policy, schedule.loan, schedule.zone);
  const overtaken = ripe.slice(0, -1).map((rung): Output => ({ kind: 'ignore', rung, reason: rung.until && rung.until <= now ? 'too-late' : 'overtaken' }));
  const outputs = [...known, ...overtaken, ...(last ? [tell(last, now, afterQuiet(policy.quietHours, Date.parse(now), zone))] : [])];
  return [...outputs, ...whatFollows(schedule, outputs)];
}

function tell(rung: Rung, now: string, quietUntil: number): Output {
  if (rung.until && rung.until <= now) return { kind: 'ignore', rung, reason: 'too-late' };
  const later = new Date(quietUntil).toISOString();
  if (later <= now) return { kind: 'emit', rung };
  if (rung.until && rung.until <= later) return { kind: 'ignore', rung, reason: 'quiet-hours' };
  return { kind: 'remindAt', at: later };
}

function whatFollows(schedule: Schedule, outputs: readonly Output[]): Output[] {
  if (outputs.some(({ kind }) => kind === 'remindAt')) return [];
  const at = nextAt({ ...schedule, rungs: settle(schedule.rungs, factsOf(outputs)) });
  return [at === undefined ? { kind: 'cancel' } : { kind: 'remindAt', at }];
}

/** The rungs that outputs settle. */
export const factsOf = (outputs: readonly Output[]): Rung[] => outputs.flatMap((output): Rung[] => {
  if (output.kind === 'emit') return [{ ...output.rung, done: 'emitted' }];
  return output.kind === 'ignore' ? [{ ...output.rung, done: output.reason }] : [];
});

/** Settles a schedule by outputs whose events are stored. */
export const afterwards = (schedule: Schedule, outputs: readonly Output[]): Schedule => ({ ...schedule, rungs: settle(schedule.rungs, factsOf(outputs)) });

/** Which rung, if any, an output list tells now. */
export const told = (outputs: readonly Output[]): Rung | undefined => outputs.find((output) => output.kind === 'emit')?.rung;
