import type { AttributionCancelled, AttributionCreated, AttributionOverdue, AttributionRescheduled, AttributionReturned, LoanSnapshot } from '@rappel/contracts';
import type { Fold, RecordedEvent } from '@rappel/event-store';

/** Stream of one loan. */
export const attributionStream = (attributionId: string): string => `attribution-${attributionId}`;

/**
 * What the loan service stores in `attribution-<id>`. Each event carries the loan as it stands after it, so a reader needs
 * no earlier one. `at` is business time; `due.zone` and `dueAt` are resolved.
 */
export type AttributionEvent =
  | { type: 'AttributionCreated'; data: AttributionCreated }
  | { type: 'AttributionRescheduled'; data: AttributionRescheduled }
  | { type: 'AttributionReturned'; data: AttributionReturned }
  | { type: 'AttributionCancelled'; data: AttributionCancelled }
  | { type: 'AttributionOverdue'; data: AttributionOverdue };

/** `out` is with the borrower, late or not; `returned` and `cancelled` are final. */
export type Attribution =
  | { status: 'absent' }
  /** `overdue` counts the overdue notices of this due version. */
  | { status: 'out'; loan: LoanSnapshot; overdue: number }
  | { status: 'returned'; loan: LoanSnapshot; returnedAt: string }
  | { status: 'cancelled'; loan: LoanSnapshot };

function evolve(state: Attribution, recorded: RecordedEvent): Attribution {
  const { type, data } = recorded as unknown as AttributionEvent;
  switch (type) {
    case 'AttributionCreated':
    case 'AttributionRescheduled':
      return { status: 'out', loan: data.loan, overdue: 0 };
    case 'AttributionReturned':
      return { status: 'returned', loan: data.loan, returnedAt: data.returnedAt };
    case 'AttributionCancelled':
      return { status: 'cancelled', loan: data.loan };
    case 'AttributionOverdue':
      return { status: 'out', loan: data.loan, overdue: data.occurrence };
    default:
      return state;
  }
}

export const attributionFold: Fold<Attribution> = { initial: { status: 'absent' }, evolve };
