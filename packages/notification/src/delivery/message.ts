import type { LoanSnapshot, NotificationType } from '@rappel/contracts';
import { dayOf, type BorrowerFacts, type BorrowerPersonal } from '@rappel/lending';
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

/** To whom it is said, by whom and when. */
export interface Setting {
  readonly facts: BorrowerFacts;
  readonly personal: Pick<BorrowerPersonal, 'firstName' | 'lastName'>;
  readonly house: House;
  /** Business time. */
  readonly now: string;
}

/** Everything a message about these loans of one borrower says, as plain data in local time. At least one loan exists. */
export function messageModel(type: NotificationType, loans: readonly LoanFacts[], { facts, personal, house, now }: Setting): MessageModel {
  const known = loans.flatMap(({ attribution }) => (attribution.status === 'absent' ? [] : [attribution]));
  const first = known[0];
  if (!first) throw new RangeError('a message needs a loan');
  const back = first.status === 'returned' ? local(first.returnedAt, first.loan.due.zone) : undefined;
  const late = loans.flatMap(({ overdue }) => (overdue ? [overdue] : []));
  const left = daysLeft(known.map(({ loan }) => loan), facts, now);
  return {
    type,
    locale: facts.locale,
    firstName: personal.firstName,
    ...(personal.lastName && { lastName: personal.lastName }),
    items: known.map(({ loan }) => ({ code: loan.item.code, name: loan.item.name, dueDate: loan.due.date, ...(loan.due.time && { dueTime: loan.due.time }) })),
    duration: first.loan.duration,
    ...(back && { returnedAt: back.time, returnedOn: back.date }),
    ...(type.startsWith('RAPPEL') && left !== undefined && { daysLeft: left }),
    ...(late.length > 0 && { daysLate: Math.max(...late.map(({ daysLate }) => daysLate)), level: Math.max(...late.map(({ level }) => level)) }),
    ...house,
  };
}

/** How many days the borrower still has, by their own calendar as reminders are planned by; undefined when the loans differ or are late. */
function daysLeft(loans: readonly LoanSnapshot[], { zone }: BorrowerFacts, now: string): number | undefined {
  const lefts = new Set(loans.map(({ dueAt, due }) => {
    const living = zone ?? due.zone;
    return dayOf(local(dueAt, living).date) - dayOf(local(now, living).date);
  }));
  const [left] = lefts;
  return lefts.size === 1 && left! >= 0 ? left : undefined;
}
