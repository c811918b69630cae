import type { Due, LoanSnapshot } from '@rappel/contracts';
import type { Attribution, AttributionEvent } from '@rappel/lending';
import { isDeepStrictEqual } from 'node:util';
import { LoanRefused } from './refused.ts';

export type LoanCommand =
  | { type: 'CreateAttribution'; loan: LoanSnapshot; at: string }
  | { type: 'RescheduleAttribution'; attributionId: string; due: Due; dueAt: string; at: string }
  | { type: 'ReturnAttribution'; attributionId: string; returnedAt: string; at: string }
  | { type: 'CancelAttribution'; attributionId: string; reason?: string; at: string }
  /** The scheduler says the moment has come; whether the loan is late is decided here. */
  | { type: 'MarkOverdue'; attributionId: string; dueVersion: number; occurrence: number; daysLate: number; level: number; companions?: string[]; at: string };

type CommandOf<T extends LoanCommand['type']> = Extract<LoanCommand, { type: T }>;
type Out = Extract<Attribution, { status: 'out' }>;

export function decide(command: LoanCommand, loan: Attribution): AttributionEvent[] {
  switch (command.type) {
    case 'CreateAttribution': return create(command, loan);
    case 'RescheduleAttribution': return reschedule(command, loan);
    case 'ReturnAttribution': return giveBack(command, loan);
    case 'CancelAttribution': return cancel(command, loan);
    case 'MarkOverdue': return markOverdue(command, loan);
    default: return unreachable(command);
  }
}

function create({ loan, at }: CommandOf<'CreateAttribution'>, current: Attribution): AttributionEvent[] {
  if (current.status === 'absent') return [{ type: 'AttributionCreated', data: { loan, at } }];
  if (isDeepStrictEqual(current.loan, loan)) return [];                    // a resent command is not a second fact
  throw new LoanRefused('attribution-exists', `attribution ${loan.attributionId} exists already with other content`);
}

function reschedule({ attributionId, due, dueAt, at }: CommandOf<'RescheduleAttribution'>, current: Attribution): AttributionEvent[] {
  const { loan } = stillOut(attributionId, current);
  if (isDeepStrictEqual(loan.due, due)) return [];
  const moved = { ...loan, due, dueAt, dueVersion: loan.dueVersion + 1 };
  return [{ type: 'AttributionRescheduled', data: { loan: moved, previousDue: loan.due, at } }];
}

function giveBack({ attributionId, returnedAt, at }: CommandOf<'ReturnAttribution'>, current: Attribution): AttributionEvent[] {
  if (current.status === 'returned') return [];
  const { loan } = stillOut(attributionId, current);
  return [{ type: 'AttributionReturned', data: { loan, returnedAt, at } }];
}

function cancel({ attributionId, reason, at }: CommandOf<'CancelAttribution'>, current: Attribution): AttributionEvent[] {
  if (current.status === 'cancelled') return [];
  const { loan } = stillOut(attributionId, current);
  return [{ type: 'AttributionCancelled', data: { loan, ...(reason && { reason }), at } }];
}

function markOverdue(command: CommandOf<'MarkOverdue'>, current: Attribution): AttributionEvent[] {
  const { dueVersion, occurrence, daysLate, level, companions, at } = command;
  const late = current.status === 'out' && current.loan.dueVersion === dueVersion && occurrence > current.overdue;
  return late ? [{ type: 'AttributionOverdue', data: { loan: current.loan, occurrence, daysLate, level, ...(companions && { companions }), at } }] : [];
}

function stillOut(attributionId: string, current: Attribution): Out {
  if (current.status === 'out') return current;
  if (current.status === 'absent') throw new LoanRefused('unknown-attribution', `attribution ${attributionId} is not known`);
  throw new LoanRefused('attribution-closed', `attribution ${attributionId} is ${current.status}`);
}

function unreachable(command: never): never {
  throw new TypeError(`not a loan command: ${JSON.stringify(command)}`);
}
