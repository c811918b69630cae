import type { RecordedEvent } from '@rappel/event-store';
import { notificationFold, statusOf } from '@rappel/notification';
import { bare, type Arrival, type Evidence, type LogRow } from './evidence.ts';
import { expectedMessages, keyOf, storeAgainstLedger, type Expected } from './expect.ts';
import type { Loan } from './loans.ts';
import type { Acknowledged } from './traffic.ts';

export interface Figures {
  readonly loans: number;
  readonly commands: number;
  readonly expected: number;
  readonly received: number;
  /** Not sent, for a reason that is stored: returned or cancelled meanwhile, overtaken, too late. */
  readonly skipped: number;
  /** Emails whose fate nobody can know any more: an operator decides. */
  readonly held: number;
  readonly lost: number;
  readonly doubledWhatsapp: number;
  /** Beyond what the policy allows. */
  readonly doubledEmail: number;
  /** Sent again by policy after an unknown outcome, and both arrived. */
  readonly doubledByPolicy: number;
  readonly unknown: number;
  /** How unknown outcomes were settled: `sent by receipt` → how often. */
  readonly settled: Readonly<Record<string, number>>;
  /** Longest real seconds from the end of a trouble until everything owed before it was there. */
  readonly longestRecovery: number;
}

export interface Verdict {
  readonly figures: Figures;
  readonly checks: readonly { readonly what: string; readonly wrong: readonly string[] }[];
  readonly good: boolean;
}

export interface Testimony extends Evidence {
  readonly loans: readonly Loan[];
  readonly ledger: readonly Acknowledged[];
  readonly refusals: readonly string[];
  readonly healedAt: readonly number[];
  readonly fallen: readonly string[];
}

/** Puts the witnesses side by side. */
export function compare(testimony: Testimony): Verdict {
  const { events, rows, arrivals, loans, ledger } = testimony;
  const expected = expectedMessages(events, loans);
  const byKey = new Map(rows.map((row) => [keyOf(row), row]));
  const arrived = firstArrivals(arrivals);
  const judged = expected.map((one) => ({ one, fate: fateOf(one, byKey.get(one.key), arrived) }));
  const count = (wanted: string): number => judged.filter(({ fate }) => fate.kind === wanted).length;
  const doubles = doubled(events, arrivals);
  const notifications = events.filter(({ stream }) => stream.startsWith('notification-'));
  const settlements = notifications.filter(({ type }) => type === 'AttemptSettled').map(({ data }) => data as { verdict: string; evidence: string });
  const lost = judged.flatMap(({ one, fate }) => (fate.kind === 'lost' ? [`${one.key}: ${fate.why}`] : []));

  const checks = [
    { what: 'everything acknowledged is stored, once', wrong: [...storeAgainstLedger(events, ledger, loans), ...testimony.refusals] },
    { what: 'nothing is lost', wrong: lost },
    { what: 'no WhatsApp message came twice', wrong: doubles.whatsapp },
    { what: 'no email came twice, but for what the policy allows', wrong: doubles.email },
    { what: 'whatever came was expected, on the right channel', wrong: surplus(rows, arrivals, expected) },
    { what: 'the log says what the events say', wrong: logAgainstEvents(notifications, rows) },
    { what: 'no service ended by itself', wrong: testimony.fallen },
  ];
  const figures: Figures = {
    loans: loans.length, commands: ledger.length, expected: expected.length,
    received: count('received'), skipped: count('skipped'), held: count('held'), lost: lost.length,
    doubledWhatsapp: doubles.whatsapp.length, doubledEmail: doubles.email.length, doubledByPolicy: doubles.byPolicy,
    unknown: notifications.filter(({ type }) => type === 'AttemptUnknown').length,
    settled: countBy(settlements.map(({ verdict, evidence }) => `${verdict} by ${evidence}`)),
    longestRecovery: longestRecovery(judged, testimony.healedAt),
  };
  return { figures, checks, good: checks.every(({ wrong }) => wrong.length === 0) };
}

type Fate = { readonly kind: 'received' | 'skipped'; readonly at: number } | { readonly kind: 'held' } | { readonly kind: 'lost'; readonly why: string };

const overtaken = ['returned', 'cancelled', 'superseded', 'too-late', 'quiet-hours', 'grouped'];
const mayBeSkipped: Readonly<Record<string, readonly string[]>> = { CREATION: ['returned', 'cancelled'], RESTITUTION: [], RETARD: ['returned', 'cancelled', 'superseded', 'grouped'] };

function fateOf({ type, since }: Expected, row: LogRow | undefined, arrived: ReadonlyMap<string, number>): Fate {
  if (!row) return { kind: 'lost', why: 'nothing in the log' };
  if (row.skipReason) return (mayBeSkipped[type] ?? overtaken).includes(row.skipReason) ? { kind: 'skipped', at: since } : { kind: 'lost', why: `skipped: ${row.skipReason}` };
  if (row.status === 'ENVOYEE') return arrivalOf(row, arrived);
  if (row.phase === 'held' && row.channel === 'EMAIL') return { kind: 'held' };
  return { kind: 'lost', why: [row.status, row.phase, row.errorText].join(', ') };
}

function arrivalOf({ channel, providerId }: LogRow, arrived: ReadonlyMap<string, number>): Fate {
  const at = arrived.get(`${channel} ${bare(providerId ?? '')}`);
  return at === undefined ? { kind: 'lost', why: 'sent, says the log, and it never came' } : { kind: 'received', at };
}

function firstArrivals(arrivals: readonly Arrival[]): Map<string, number> {
  const first = new Map<string, number>();
  for (const { channel, providerId, at } of arrivals) {
    const key = `${channel} ${providerId}`;
    first.set(key, Math.min(at, first.get(key) ?? Infinity));
  }
  return first;
}

/** Messages that one notification's borrower got more than once. */
function doubled(events: readonly RecordedEvent[], arrivals: readonly Arrival[]): { whatsapp: string[]; email: string[]; byPolicy: number } {
  const resends = countBy(events.filter(({ type, data }) => type === 'AttemptSettled' && (data as { evidence: string }).evidence === 'policy-resend').map(({ stream }) => stream.slice('notification-'.length)));
  const times = (channel: string): [string, number][] => Object.entries(countBy(arrivals.filter((one) => one.channel === channel).map(({ notificationId }) => notificationId)));
  const extra = times('EMAIL').map(([id, copies]) => ({ id, extra: copies - 1, allowed: resends[id] ?? 0 }));
  return {
    whatsapp: times('WHATSAPP').filter(([, copies]) => copies > 1).map(([id, copies]) => `${id}: ${copies} times`),
    email: extra.filter(({ extra: copies, allowed }) => copies > allowed).map(({ id, extra: copies, allowed }) => `${id}: ${copies + 1} times, ${allowed} sent again by policy`),
    byPolicy: extra.reduce((sum, { extra: copies, allowed }) => sum + Math.min(copies, allowed), 0),
  };
}

function surplus(rows: readonly LogRow[], arrivals: readonly Arrival[], expected: readonly Expected[]): string[] {
  const wanted = new Set(expected.map(({ key }) => key));
  const known = new Map(rows.map((row) => [row.notificationId, row]));
  return [
    ...rows.filter((row) => row.status !== null && !wanted.has(keyOf(row))).map((row) => `${keyOf(row)} was not expected`),
    ...arrivals.filter(({ notificationId }) => !known.has(notificationId)).map(({ channel, providerId }) => `${channel} ${providerId} is not in the log`),
  ];
}

function logAgainstEvents(events: readonly RecordedEvent[], rows: readonly LogRow[]): string[] {
  const streams = new Map<string, RecordedEvent[]>();
  for (const event of events) streams.set(event.stream, [...streams.get(event.stream) ?? [], event]);
  const logged = new Map(rows.map((row) => [row.notificationId, row]));
  const wrong = [...streams].flatMap(([stream, own]) => {
    const state = own.reduce(notificationFold.evolve, notificationFold.initial);
    const row = logged.get(stream.slice('notification-'.length));
    const said = row && `${row.status} ${row.phase} ${row.attempts}`;
    const told = `${statusOf(state) ?? null} ${state.phase} ${state.attempts}`;
    return said === told ? [] : [`${stream}: events say ${told}, the log says ${said ?? 'nothing'}`];
  });
  return rows.length === streams.size ? wrong : [...wrong, `${streams.size} streams, ${rows.length} rows`];
}

/** For each trouble: how long after it the last message came that had been owed before its end. */
function longestRecovery(judged: readonly { readonly one: Expected; readonly fate: Fate }[], healedAt: readonly number[]): number {
  const owed = judged.flatMap(({ one: { since }, fate }) => ('at' in fate ? [{ since, at: fate.at }] : []));
  const recoveries = healedAt.map((healed) => Math.max(0, ...owed.filter(({ since, at }) => since <= healed && at > healed).map(({ at }) => at - healed)));
  return Math.round(Math.max(0, ...recoveries) / 100) / 10;
}

function countBy(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
