import { pagesOf, type EventStore, type RecordedEvent } from '@rappel/event-store';
import type { AttributionEvent, BorrowerEvent } from '@rappel/lending';

interface Standing {
  readonly out: Set<string>;
  lastAt: string;
  forgotten: boolean;
}

/** Everything in these categories, in order, page by page. */
export async function* everything(store: Pick<EventStore, 'readAll'>, categories?: readonly string[]): AsyncGenerator<RecordedEvent> {
  for await (const page of pagesOf(store, { categories })) yield* page;
}

export interface LongOverOptions {
  readonly store: Pick<EventStore, 'readAll'>;
  /** UTC ISO instant in business time: whoever has no item out and nothing happened to since then is long over. */
  readonly before: string;
}

/**
 * Borrowers who have nothing out and whose last loan or change lies before an instant, in the order of their ids, read from the
 * events alone. They are what a retention run forgets; those forgotten already are not named again.
 */
export async function borrowersLongOver({ store, before }: LongOverOptions): Promise<string[]> {
  const standings = new Map<string, Standing>();
  for await (const recorded of everything(store, ['attribution', 'borrower'])) follow(recorded as unknown as AttributionEvent | BorrowerEvent, standings);
  return [...standings].filter(([, { out, lastAt, forgotten }]) => !forgotten && out.size === 0 && lastAt < before).map(([id]) => id).sort();
}

function follow({ type, data }: AttributionEvent | BorrowerEvent, standings: Map<string, Standing>): void {
  const borrowerId = 'loan' in data ? data.loan.borrowerId : data.borrowerId;
  const standing = standings.get(borrowerId) ?? { out: new Set<string>(), lastAt: '', forgotten: false };
  standings.set(borrowerId, standing);
  if (data.at > standing.lastAt) standing.lastAt = data.at;
  switch (type) {
    case 'AttributionReturned':
    case 'AttributionCancelled':
      standing.out.delete(data.loan.attributionId);
      break;
    case 'BorrowerForgotten':
    case 'BorrowerRegistered':
      standing.forgotten = type === 'BorrowerForgotten';
      break;
    default:
      if ('loan' in data) standing.out.add(data.loan.attributionId);
  }
}
