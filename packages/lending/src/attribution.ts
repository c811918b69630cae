import type { Due, Item, LoanDuration, LoanSnapshot } from '@rappel/contracts';
import type { Fold, RecordedEvent } from '@rappel/event-store';

/** Stream of one loan. */
export const attributionStream = (attributionId: string): string => `attribution-${attributionId}`;

/** What the loan service stores in `attribution-<id>`. `at` is business time; `due.zone` and `dueAt` are resolved. */
export type AttributionEvent =
  | { type: 'AttributionCreated'; data: { attributionId: string; borrowerId: string; department?: string; category?: string; item: Item; duration: LoanDuration; due: Due; dueAt: string; at: string } }
  | { type: 'AttributionRescheduled'; data: { due: Due; dueAt: string; previousDue: Due; dueVersion: number; at: string } }
  | { type: 'AttributionReturned'; data: { returnedAt: string; at: string } }
  | { type: 'AttributionCancelled'; data: { reason?: string; at: string } }
  | { type: 'AttributionOverdue'; data: { dueVersion: number; occurrence: number; daysLate: number; level: number; at: string } };

/** `out` is with the borrower, late or not; `returned` and `cancelled` are final. */
export type Attribution =
  | { status: 'absent' }
  | { status: 'out'; loan: LoanSnapshot; overdue: number }
  | { status: 'returned'; loan: LoanSnapshot; returnedAt: string }
  | { status: 'cancelled'; loan: LoanSnapshot };

function evolve(state: Attribution, recorded: RecordedEvent): Attribution {
  const event = recorded as unknown as AttributionEvent;
  if (event.type === 'AttributionCreated') {
    const { at: _, ...loan } = event.data;
    return { status: 'out', loan: { ...loan, dueVersion: 1 }, overdue: 0 };
  }
  if (state.status === 'absent') return state;
  const { loan } = state;
  switch (event.type) {
    case 'AttributionRescheduled':
      return { status: 'out', loan: { ...loan, due: event.data.due, dueAt: event.data.dueAt, dueVersion: event.data.dueVersion }, overdue: 0 };
    case 'AttributionReturned':
      return { status: 'returned', loan, returnedAt: event.data.returnedAt };
    case 'AttributionCancelled':
      return { status: 'cancelled', loan };
    case 'AttributionOverdue':
      return state.status === 'out' ? { ...state, overdue: event.data.occurrence } : state;
    default:
      return state;
  }
}

export const attributionFold: Fold<Attribution> = { initial: { status: 'absent' }, evolve };
