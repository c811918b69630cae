import type { OverdueMomentPassed, ReminderDue, ReminderType } from '@rappel/contracts';
import type { Append, NewEvent } from '@rappel/event-store';
import { daysBetween, wallClock } from './calendar.ts';
import { eventIdOf, scheduleStream, type ScheduleEvent } from './events.ts';
import { livingZone } from './plan.ts';
import type { Policy } from './policy.ts';
import type { Rung } from './rung.ts';
import type { Schedule } from './schedule.ts';
import { told, type Output } from './wake.ts';

/** A schedule and what waking it led to. */
export interface Woken {
  readonly schedule: Schedule;
  readonly outputs: readonly Output[];
}

interface Telling {
  readonly schedule: Schedule;
  readonly rung: Rung;
}

const MOST_IN_A_GROUP = 50;

/**
 * The events of one emission: skips and what is told, one append per loan, each expecting its stream as it was read.
 * Loans of one borrower that are told the same kind go out together, when the policy groups that kind.
 */
export function compose(woken: readonly Woken[], policy: Policy, now: string): Append[] {
  const tellings = woken.flatMap(({ schedule, outputs }): Telling[] => {
    const rung = told(outputs);
    return rung ? [{ schedule, rung }] : [];
  });
  const events = new Map<string, NewEvent[]>(woken.map(({ schedule, outputs }) => [schedule.loan.attributionId, skipped(schedule, outputs, now)]));
  for (const group of grouped(tellings, policy)) {
    for (const telling of group) events.get(telling.schedule.loan.attributionId)!.push(tell(telling, group, { policy, now }));
  }
  return woken.flatMap(({ schedule }): Append[] => {
    const own = events.get(schedule.loan.attributionId)!;
    return own.length === 0 ? [] : [{ stream: scheduleStream(schedule.loan.attributionId), events: own.map((one) => inConversation(one, schedule)), expected: schedule.recorded }];
  });
}

function skipped({ loan: { attributionId, dueVersion } }: Schedule, outputs: readonly Output[], at: string): NewEvent[] {
  return outputs.flatMap((output): NewEvent[] => {
    if (output.kind !== 'ignore') return [];
    const { rung, reason } = output;
    return [event(eventIdOf({ attributionId, dueVersion, rung }), { type: 'ReminderSkipped', data: { ...identity(attributionId, dueVersion, rung), reason, at } })];
  });
}

const identity = (attributionId: string, dueVersion: number, { type, n, at, policy }: Rung) => ({ attributionId, type, dueVersion, occurrence: n, plannedFor: at, policyVersion: policy });

function grouped(tellings: readonly Telling[], { grouping }: Policy): Telling[][] {
  const groups = new Map<string, Telling[]>();
  for (const telling of tellings) {
    const { schedule: { loan }, rung: { type, n, channels } } = telling;
    const alone = !grouping.types.includes(type);
    const key = alone ? loan.attributionId : `${loan.borrowerId} ${type} ${n} ${channels?.join() ?? ''}`;
    const group = groups.get(key);
    if (group) group.push(telling); else groups.set(key, [telling]);
  }
  return [...groups.values()].flatMap((group) => (group.length === 1 ? [group] : inChunks(group.toSorted(byDeadline))));
}

function tell({ schedule, rung }: Telling, group: readonly Telling[], { policy, now }: { policy: Policy; now: string }): NewEvent {
  const { attributionId, dueVersion } = schedule.loan;
  const members = group.map(({ schedule: { loan } }) => loan.attributionId);
  const id = eventIdOf({ attributionId, dueVersion, rung, group: members });
  if (rung.type === 'RETARD') return event(id, { type: 'OverdueMomentPassed', data: overdue(schedule, rung, { policy, now, members }) });
  const leader = members[0]!;
  if (leader !== attributionId) return event(id, { type: 'ReminderGrouped', data: { ...identity(attributionId, dueVersion, rung), leader, at: now } });
  return event(id, { type: 'ReminderDue', data: reminder(group, rung, rung.type, now) });
}

function reminder(group: readonly Telling[], { n, at, channels, policy }: Rung, type: ReminderType, now: string): ReminderDue {
  const validUntil = group.map(({ rung }) => rung.until!).reduce((a, b) => (a > b ? a : b));
  return {
    type, borrowerId: group[0]!.schedule.loan.borrowerId, loans: group.map(({ schedule: { loan } }) => loan), occurrence: n,
    ...(channels ? { channels } : {}), plannedFor: at, validUntil, policyVersion: policy, at: now,
  };
}

function overdue({ loan, zone }: Schedule, rung: Rung, { policy, now, members }: { policy: Policy; now: string; members: string[] }): OverdueMomentPassed & { policyVersion: number } {
  const living = livingZone(policy, loan, zone);
  const dueDate = wallClock(Date.parse(loan.dueAt), living).date;
  const seen = rung.at > now ? rung.at : now;
  return {
    attributionId: loan.attributionId, dueVersion: loan.dueVersion, occurrence: rung.n, level: rung.level ?? rung.n,
    daysLate: Math.max(0, daysBetween(dueDate, wallClock(Date.parse(seen), living).date)),
    ...(members.length > 1 ? { companions: members } : {}), plannedFor: rung.at, policyVersion: rung.policy, at: now,
  };
}

const event = (id: string, { type, data }: ScheduleEvent): NewEvent => ({ id, type, data });
/** Upstream recognises what was told by the id of the event that it sent about the loan. */
const inConversation = (one: NewEvent, { correlationId }: Schedule): NewEvent => (correlationId ? { ...one, metadata: { correlationId } } : one);

function byDeadline({ schedule: { loan: a } }: Telling, { schedule: { loan: b } }: Telling): number {
  if (a.dueAt !== b.dueAt) return a.dueAt < b.dueAt ? -1 : 1;
  return a.attributionId < b.attributionId ? -1 : 1;
}

function inChunks(group: Telling[]): Telling[][] {
  return Array.from({ length: Math.ceil(group.length / MOST_IN_A_GROUP) }, (_, i) => group.slice(i * MOST_IN_A_GROUP, (i + 1) * MOST_IN_A_GROUP));
}
