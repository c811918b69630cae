import { channels, deliveries, errorClasses, notificationTypes } from '@rappel/contracts';
import type { NewEvent } from '@rappel/event-store';
import { decide, defaultRetryPolicy as retry, notificationFold, notificationStream, replayableFailure, skipReasons, type Identity, type Notification, type NotificationCommand } from '@rappel/notification';

/** Pseudo-random numbers from a seed: the same seed gives the same history. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export const historySeed = (): number => Number(process.env.SEED ?? Math.floor(Math.random() * 1_000_000_000));

type Pick = <T>(values: readonly T[]) => T;

export interface Story {
  readonly stream: string;
  readonly events: NewEvent[];
}

/** The life of one notification, as the decider would write it from commands drawn at random. */
export function story(random: () => number, { start = Date.parse('2026-03-01T08:00:00Z'), days = 30 } = {}): Story {
  const pick: Pick = (values) => values[Math.floor(random() * values.length)]!;
  const id = uuidFrom(random);
  const identity: Identity = {
    notificationId: id, attributionId: `loan-${Math.floor(random() * 500)}`, borrowerId: `b-${Math.floor(random() * 100)}`,
    type: pick(notificationTypes), channel: pick(channels), dueVersion: 1 + Math.floor(random() * 3), occurrence: 1 + Math.floor(random() * 2),
    ...(random() < 0.7 && { department: pick(['info', 'chimie', 'sport']) }),
  };
  let at = start + Math.floor(random() * days * 86_400_000);
  let state: Notification = notificationFold.initial;
  const events: NewEvent[] = [];
  for (const command of commands(random, pick, { identity, now: () => new Date(at += Math.floor(random() * 60_000)).toISOString() })) {
    for (const event of decide(command(state), state)) {
      const recorded = { id: uuidFrom(random), type: event.type, data: JSON.parse(JSON.stringify(event.data)) as object };
      events.push(events.length === 0 && event.type === 'NotificationRequested' ? { ...recorded, personal: recipient(identity.borrowerId, id) } : recorded);
      state = notificationFold.evolve(state, recorded as never);
    }
  }
  return { stream: notificationStream(id), events };
}

const recipient = (subject: string, id: string): NewEvent['personal'] => ({ state: 'sealed', subject, context: notificationStream(id), fields: { recipient: `sealed-${id}` } });

interface Setting { identity: Identity; now: () => string }

function* commands(random: () => number, pick: Pick, { identity, now }: Setting): Generator<(state: Notification) => NotificationCommand> {
  if (random() < 0.1) yield () => ({ type: 'Skip', identity, reason: pick(skipReasons), at: now() });
  yield () => ({ type: 'Request', request: { identity, dueFrom: now(), ...(random() < 0.1 && { replaces: uuidFrom(random) }) }, at: now() });
  const length = 2 + Math.floor(random() * 8);
  for (let i = 0; i < length; i += 1) yield step(random, pick, { identity, now });
}

function step(random: () => number, pick: Pick, { identity, now }: Setting): (state: Notification) => NotificationCommand {
  return (state) => {
    const attemptId = random() < 0.9 ? state.attempt?.id ?? 'none' : 'another';
    const failure = { class: pick(errorClasses), ...(random() < 0.8 && { code: pick(['21211', '30008', '550']) }), text: pick(['Invalid recipient phone number', 'Mailbox full', 'Line broke']) };
    const next = state.phase === 'ready' && random() < 0.7 ? 'StartAttempt' : state.phase === 'attempting' && random() < 0.7 ? pick(['RecordAccepted', 'RecordFailed'] as const) : undefined;
    const any: Record<string, () => NotificationCommand> = {
      StartAttempt: () => ({ type: 'StartAttempt', attemptId: uuidFrom(random), leaseUntil: now(), at: now() }),
      RecordAccepted: () => ({ type: 'RecordAccepted', attemptId, providerId: `SM${Math.floor(random() * 1e9)}`, at: now() }),
      RecordFailed: () => ({ type: 'RecordFailed', attemptId, failure, retry, at: now() }),
      RecordUnknown: () => ({ type: 'RecordUnknown', attemptId, cause: pick(['provider', 'crash'] as const), text: 'cut', at: now() }),
      Settle: () => ({ type: 'Settle', attemptId, verdict: pick(['sent', 'not-sent', 'held'] as const), evidence: pick(['receipt', 'policy-resend'] as const), retry, at: now() }),
      Defer: () => ({ type: 'Defer', reason: pick(['paused', 'rate'] as const), until: now(), at: now() }),
      GiveUp: () => ({ type: 'GiveUp', failure, at: now() }),
      Replace: () => ({ type: 'Replace', by: uuidFrom(random), at: now() }),
      ReportDelivery: () => ({ type: 'ReportDelivery', receiptId: uuidFrom(random), providerId: 'SM1', delivery: pick(deliveries), ...(random() < 0.5 && { attemptId: random() < 0.7 ? attemptId : uuidFrom(random) }), ...(random() < 0.3 && { code: pick(['30003', '63007']), text: 'Unreachable' }), at: now() }),
      MissReceipt: () => ({ type: 'MissReceipt', after: 'PT1H', at: now() }),
      Skip: () => ({ type: 'Skip', identity, reason: 'returned', at: now() }),
      Replay: () => (replayableFailure(state) && !state.replacedBy ? { type: 'Replay', replayId: uuidFrom(random), actor: 'operator:test', why: 'test', at: now() } : any.ReportDelivery!()),
    };
    return any[next ?? pick(Object.keys(any))]!();
  };
}

const hex = '0123456789abcdef';
export const uuidFrom = (random: () => number): string =>
  'xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx'.replaceAll('x', () => hex[Math.floor(random() * 16)]!);
