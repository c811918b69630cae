import type { NotificationType } from '@rappel/contracts';
import type { BorrowerFacts, BorrowerPersonal } from '@rappel/lending';
import type { MessageModel } from '@rappel/templates';
import type { LoanFacts } from './loan-facts.ts';

/** What every message says of the house. */
export interface House {
  /** Local `HH:mm`, the deadline where a due moment has no hour. */
  readonly closingHour?: string;
  /** How to reach the desk, in words. */
  readonly contact?: string;
  /** Who lends. */
  readonly sender?: string;
}

const formats = new Map<string, Intl.DateTimeFormat>();
function local(instant: string, timeZone: string): { date: string; time: string } {
  let format = formats.get(timeZone);
  if (!format) {
    format = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'short' });
    formats.set(timeZone, format);
  }
  const [date, time] = format.format(new Date(instant)).split(' ');
  return { date: date!, time: time! };
}

/** Everything a message about these loans of one borrower says, as plain data in local time. At least one loan exists. */
export function messageModel(type: NotificationType, loans: readonly LoanFacts[], { facts, personal, house }: { facts: BorrowerFacts; personal: Pick<BorrowerPersonal, 'firstName' | 'lastName'>; house: House }): MessageModel {
  const known = loans.flatMap(({ attribution }) => (attribution.status === 'absent' ? [] : [attribution]));
  const first = known[0];
  if (!first) throw new RangeError('a message needs a loan');
  const back = first.status === 'returned' ? local(first.returnedAt, first.loan.due.zone) : undefined;
  const late = loans.flatMap(({ overdue }) => (overdue ? [overdue] : []));
  return {
    type,
    locale: facts.locale,
    firstName: personal.firstName,
    ...(personal.lastName && { lastName: personal.lastName }),
    items: known.map(({ loan }) => ({ code: loan.item.code, name: loan.item.name, dueDate: loan.due.date, ...(loan.due.time && { dueTime: loan.due.time }) })),
    duration: first.loan.duration,
    ...(back && { returnedAt: back.time, returnedOn: back.date }),
    ...(late.length > 0 && { daysLate: Math.max(...late.map(({ daysLate }) => daysLate)), level: Math.max(...late.map(({ level }) => level)) }),
    ...house,
  };
}
