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
  return {
    type,
    locale: facts.locale,
    firstName: personal.firstName,
    ...(personal.lastName && { lastName: personal.lastName }),
    items: known.map(({ loan }) => ({ code: loan.item.code, name: loan.item.name, dueDate: loan.due.date, ...(loan.due.time && { dueTime: loan.due.time }) })),
    duration: first.loan.duration,
    ...(back && { returnedAt: back.time, returnedOn: back.date }),
    ...timeLeft(type, known.map(({ loan }) => loan), { facts, now }),
    ...(late.length > 0 && { daysLate: Math.max(...late.map(({ daysLate }) => daysLate)), level: Math.max(...late.map(({ level }) => level)) }),
    ...house,
  };
}

/** What reminders say of the time that is left, whenever they go out; loans told together may be due on different days. */
function timeLeft(type: NotificationType, loans: readonly LoanSnapshot[], { facts, now }: Pick<Setting, 'facts' | 'now'>): Partial<MessageModel> {
  if (type === 'RAPPEL_2H') return { minutesLeft: Math.min(...loans.map((loan) => minutesLeft(loan, now))) };
  if (!type.startsWith('RAPPEL')) return {};
  const days = loans.map((loan) => daysLeft(loan, facts, now));
  return { daysLeft: Math.min(...days), daysLeftAtMost: Math.max(...days) };
}

/** By the borrower's own calendar as reminders are planned by; 0 once it is late. */
function daysLeft({ dueAt, due }: LoanSnapshot, { zone }: BorrowerFacts, now: string): number {
  const living = zone ?? due.zone;
  return Math.max(0, dayOf(local(dueAt, living).date) - dayOf(local(now, living).date));
}

/** Begun ones count; 0 once it is late. */
const minutesLeft = ({ dueAt }: LoanSnapshot, now: string): number => Math.max(0, Math.ceil((Date.parse(dueAt) - Date.parse(now)) / 60_000));
