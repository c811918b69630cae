import { channels, notificationTypes } from '@rappel/contracts';
import type { FleetLoan } from './fleet.ts';

/** What the check needs of a row of the log. */
export interface LoggedNotification {
  readonly notificationId: string;
  readonly attributionId: string;
  readonly type: string;
  readonly channel: string;
  readonly status: string | null;
  readonly skipReason: string | null;
  readonly providerId: string | null;
  readonly sentAt: string | null;
}

/** A message as the inbox or the simulator got it: its Message-ID or SID. */
export interface Received {
  readonly channel: 'EMAIL' | 'WHATSAPP';
  readonly providerId: string;
}

export interface Verdict {
  readonly checks: readonly { readonly what: string; readonly wrong: readonly string[] }[];
  readonly good: boolean;
}

const bare = (id: string): string => id.replace(/^<|>$/g, '');
const key = (channel: string, id: string): string => `${channel} ${bare(id)}`;
const reminders = ['RAPPEL_2H', 'RAPPEL_J2', 'RAPPEL_J1', 'RAPPEL_FINAL', 'RETARD'];

/** What the fleet went through, for the comparison. */
export interface Voyage {
  readonly fleet: readonly FleetLoan[];
  /** `<attribution> <type>` of each loan in each `ReminderDue` of the store. */
  readonly due: readonly string[];
}

/** Compares what the log says with what inbox and simulator received, and with what became of each loan. */
export function check(rows: readonly LoggedNotification[], received: readonly Received[], { fleet, due }: Voyage): Verdict {
  const sent = rows.filter(({ status }) => status === 'ENVOYEE');
  const arrivals = countBy(received, ({ channel, providerId }) => key(channel, providerId));
  const claimed = new Set(sent.map((row) => key(row.channel, row.providerId ?? `none:${row.notificationId}`)));
  const loans = new Map(fleet.map((loan) => [loan.attributionId, loan]));
  const told = new Set(rows.map(({ attributionId, type }) => `${attributionId} ${type}`));

  const checks = [
    { what: 'everything is settled: nothing waits or may still be tried', wrong: rows.filter(isOpen).map(name) },
    { what: 'what the log says was sent arrived', wrong: sent.filter((row) => !arrivals.has(key(row.channel, row.providerId ?? ''))).map(name) },
    { what: 'what arrived is in the log', wrong: [...arrivals.keys()].filter((arrival) => !claimed.has(arrival)) },
    { what: 'each arrived exactly once', wrong: [...arrivals].filter(([, times]) => times > 1).map(([id, times]) => `${id}: ${times} times`) },
    { what: 'no reminder for a loan that was back or cancelled', wrong: sent.filter((row) => afterTheEnd(row, loans.get(row.attributionId))).map(name) },
    { what: 'every loan was dealt with: creation, return, lateness', wrong: fleet.flatMap(expectedTypes).filter((expected) => !told.has(expected)) },
    { what: 'every reminder that came due was dealt with', wrong: due.filter((expected) => !told.has(expected)) },
    { what: 'all seven types went out on both channels', wrong: missingKinds(sent) },
  ];
  return { checks, good: checks.every(({ wrong }) => wrong.length === 0) };
}

const name = ({ attributionId, type, channel, status }: LoggedNotification): string => `${attributionId} ${type} ${channel} ${status ?? 'skipped'}`;
const isOpen = ({ status }: LoggedNotification): boolean => status === 'EN_ATTENTE' || status === 'ECHEC';

function afterTheEnd({ type, sentAt }: LoggedNotification, loan: FleetLoan | undefined): boolean {
  return reminders.includes(type) && loan?.overAt !== undefined && sentAt !== null && sentAt > loan.overAt;
}

function expectedTypes({ attributionId, fate }: FleetLoan): string[] {
  const closing = ['on-time', 'early', 'late', 'extended'].includes(fate) ? ['RESTITUTION'] : [];
  const late = fate === 'late' || fate === 'kept' ? ['RETARD'] : [];
  return ['CREATION', ...closing, ...late].map((type) => `${attributionId} ${type}`);
}

function missingKinds(sent: readonly LoggedNotification[]): string[] {
  const kinds = new Set(sent.map(({ type, channel }) => `${type} ${channel}`));
  return notificationTypes.flatMap((type) => channels.map((channel) => `${type} ${channel}`)).filter((kind) => !kinds.has(kind));
}

function countBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(keyOf(item), (counts.get(keyOf(item)) ?? 0) + 1);
  return counts;
}
