import type { AttributionOverdue, Channel, LoanSnapshot, NotificationType, ReminderDue } from '@rappel/contracts';
import type { RecordedEvent } from '@rappel/event-store';
import type { Loan } from './loans.ts';
import type { Acknowledged } from './traffic.ts';

/** One message that some borrower is to get on one channel. */
export interface Expected {
  readonly key: string;
  readonly attributionId: string;
  readonly type: NotificationType;
  /** Real time from which on it is owed. */
  readonly since: number;
}

export const keyOf = ({ attributionId, type, dueVersion, occurrence, channel }: { attributionId: string; type: string; dueVersion: number; occurrence: number; channel: string }): string =>
  `${attributionId} ${type} v${dueVersion} #${occurrence} ${channel}`;

const channelsOf: Readonly<Record<Loan['reach'], readonly Channel[]>> = { email: ['EMAIL'], whatsapp: ['WHATSAPP'], both: ['EMAIL', 'WHATSAPP'] };

interface Occasion { readonly type: NotificationType; readonly loans: readonly LoanSnapshot[]; readonly occurrence: number; readonly channels?: readonly Channel[] | undefined }

function occasionOf({ stream, type, data }: RecordedEvent): Occasion | undefined {
  const { loan, occurrence = 1 } = data as { loan?: LoanSnapshot; occurrence?: number };
  const about = (kind: NotificationType): Occasion | undefined => loan && { type: kind, loans: [loan], occurrence };
  switch (`${stream.split('-', 1)[0]} ${type}`) {
    case 'attribution AttributionCreated': return about('CREATION');
    case 'attribution AttributionReturned': return about('RESTITUTION');
    case 'attribution AttributionOverdue': return { ...about('RETARD')!, occurrence: (data as AttributionOverdue).occurrence };
    case 'schedule ReminderDue': return { ...(data as ReminderDue), type: (data as ReminderDue).type };
    default: return undefined;
  }
}

/** Every message that follows from what the store holds, by each loan's reach. */
export function expectedMessages(events: readonly RecordedEvent[], loans: readonly Loan[]): Expected[] {
  const reach = new Map(loans.map((loan) => [loan.attributionId, loan.reach]));
  return events.flatMap((event) => {
    const occasion = occasionOf(event);
    if (!occasion) return [];
    const since = Date.parse(event.recordedAt);
    return occasion.loans.flatMap(({ attributionId, dueVersion }) => channelsOf[reach.get(attributionId) ?? 'both']
      .filter((channel) => occasion.channels?.includes(channel) ?? true)
      .map((channel) => ({ key: keyOf({ attributionId, type: occasion.type, dueVersion, occurrence: occasion.occurrence, channel }), attributionId, type: occasion.type, since })));
  });
}

/** What the store does not hold although it was acknowledged, holds twice, or holds without anybody having said it. */
export function storeAgainstLedger(events: readonly RecordedEvent[], ledger: readonly Acknowledged[], loans: readonly Loan[]): string[] {
  const stored = new Map<string, number>();
  for (const { stream, type } of events) {
    if (stream.startsWith('attribution-')) stored.set(`${stream.slice('attribution-'.length)} ${type}`, (stored.get(`${stream.slice('attribution-'.length)} ${type}`) ?? 0) + 1);
  }
  const wrong = ledger.flatMap(({ attributionId, type }) => {
    const times = stored.get(`${attributionId} ${type}`) ?? 0;
    return times === 1 ? [] : [`${attributionId} ${type} was acknowledged and is stored ${times} times`];
  });
  // Who keeps an item for days after its due moment is late.
  const kept = loans.filter(({ fate }) => fate === 'kept' || fate === 'extended').filter(({ attributionId }) => !stored.has(`${attributionId} AttributionOverdue`));
  return [...wrong, ...kept.map(({ attributionId }) => `${attributionId} was never found late`)];
}
