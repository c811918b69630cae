import type { OverdueMomentPassed, ReminderDue } from '@rappel/contracts';
import { derivedIds } from '@rappel/event-store';
import { rungKey, type Rung, type RungType, type SkipReason } from './rung.ts';

/** Stream of what the scheduler has said of one loan. */
export const scheduleStream = (attributionId: string): string => `schedule-${attributionId}`;

/** Identity of a rung that was settled without a message of its own. */
interface Settled {
  readonly attributionId: string;
  readonly type: RungType;
  readonly dueVersion: number;
  readonly occurrence: number;
  readonly plannedFor: string;
  readonly policyVersion: number;
  readonly at: string;
}

/** What is stored in `schedule-<attributionId>`. `at` is business time. */
export type ScheduleEvent =
  /** In the stream of its first loan. */
  | { type: 'ReminderDue'; data: ReminderDue }
  /** Told in the message of another loan, whose stream holds the `ReminderDue`. */
  | { type: 'ReminderGrouped'; data: Settled & { leader: string } }
  | { type: 'ReminderSkipped'; data: Settled & { reason: SkipReason } }
  | { type: 'OverdueMomentPassed'; data: OverdueMomentPassed & { policyVersion: number } };

const idOf = derivedIds('6f0b7f1c-5b6e-4c8f-9f0e-3f5c2d1a7b90');

/**
 * Same rung, same id: firing twice collapses. In a group the id names the company too, so that the same rung in another
 * company is not taken for a repetition: the stream's version refuses it instead.
 */
export function eventIdOf({ attributionId, dueVersion, rung, group }: { attributionId: string; dueVersion: number; rung: Pick<Rung, 'type' | 'n'>; group?: readonly string[] }): string {
  const key = `${attributionId}/${dueVersion}/${rungKey(rung)}`;
  return idOf(group && group.length > 1 ? `${key} with ${group.join(' ')}` : key);
}

/** The rungs of one due version of one loan that its stream says are settled. */
export function settledBy(events: readonly { readonly type: string; readonly data: object }[], dueVersion: number): Rung[] {
  return events.flatMap((recorded): Rung[] => {
    const rung = settledRung(recorded as ScheduleEvent);
    return rung?.dueVersion === dueVersion ? [rung.fact] : [];
  });
}

function settledRung(event: ScheduleEvent): { dueVersion: number; fact: Rung } | undefined {
  switch (event.type) {
    case 'ReminderDue': {
      const { type, occurrence, plannedFor, validUntil, channels, policyVersion, loans } = event.data;
      return { dueVersion: loans[0]!.dueVersion, fact: { type, n: occurrence, at: plannedFor, until: validUntil, ...(channels ? { channels } : {}), policy: policyVersion, done: 'emitted' } };
    }
    case 'ReminderGrouped':
    case 'ReminderSkipped': {
      const { type, occurrence, plannedFor, policyVersion, dueVersion } = event.data;
      return { dueVersion, fact: { type, n: occurrence, at: plannedFor, policy: policyVersion, done: event.type === 'ReminderSkipped' ? event.data.reason : 'emitted' } };
    }
    case 'OverdueMomentPassed': {
      const { occurrence, plannedFor, level, policyVersion, dueVersion } = event.data;
      return { dueVersion, fact: { type: 'RETARD', n: occurrence, at: plannedFor, level, policy: policyVersion, done: 'emitted' } };
    }
    default:
      return undefined;
  }
}
