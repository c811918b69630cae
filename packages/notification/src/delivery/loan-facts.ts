import type { LoanSnapshot, NotificationType } from '@rappel/contracts';
import type { RecordedEvent } from '@rappel/event-store';
import { attributionFold, type Attribution, type AttributionEvent } from '@rappel/lending';
import type { Identity, SkipReason } from '../events.ts';

/** A loan as it stands, with what a message about it may say. */
export interface LoanFacts {
  readonly attribution: Attribution;
  /** Of the overdue notice that the notification is about. */
  readonly overdue?: { readonly daysLate: number; readonly level: number };
}

export function loanFacts(events: readonly RecordedEvent[], { type, dueVersion, occurrence }: Pick<Identity, 'type' | 'dueVersion' | 'occurrence'>): LoanFacts {
  const attribution = events.reduce(attributionFold.evolve, attributionFold.initial);
  if (type !== 'RETARD') return { attribution };
  const notices = events.map((event) => event as unknown as AttributionEvent).filter((event) => event.type === 'AttributionOverdue');
  const notice = notices.find(({ data }) => data.loan.dueVersion === dueVersion && data.occurrence === occurrence);
  return { attribution, overdue: notice && { daysLate: notice.data.daysLate, level: notice.data.level } };
}

const needsItemOut: Readonly<Record<NotificationType, boolean>> = {
  CREATION: true, RAPPEL_2H: true, RAPPEL_J2: true, RAPPEL_J1: true, RAPPEL_FINAL: true, RETARD: true, RESTITUTION: false,
};

/** Why there is nothing to say about this loan any more; undefined when there is. `now` is business time. */
export function obsolete({ attribution }: LoanFacts, about: Pick<Identity, 'type' | 'dueVersion' | 'occurrence'> & { readonly validUntil?: string }, now: string): SkipReason | undefined {
  if (attribution.status === 'absent') return 'unknown-loan';
  if (attribution.status === 'cancelled') return 'cancelled';
  if (!needsItemOut[about.type]) return attribution.status === 'returned' ? undefined : 'unknown-loan';
  if (attribution.status === 'returned') return 'returned';
  if (isSuperseded(attribution.loan, attribution.overdue, about)) return 'superseded';
  return about.validUntil !== undefined && now > about.validUntil ? 'too-late' : undefined;
}

/** A creation message tells the due moment as it stands, so only reminders and overdue notices can be overtaken. */
function isSuperseded(loan: LoanSnapshot, overdue: number, { type, dueVersion, occurrence }: Pick<Identity, 'type' | 'dueVersion' | 'occurrence'>): boolean {
  if (type === 'CREATION') return false;
  return loan.dueVersion > dueVersion || (type === 'RETARD' && overdue > occurrence);
}
