import { hash } from 'node:crypto';
import { publicEvents } from '@rappel/contracts';
import type { Envelope } from '@rappel/contracts';
import { issuesOf, readEnvelope, type Headers } from './envelope.ts';
import { dead, done, type DeadLetter, type DeadLetterSink, type Handler, type Issue, type Log, type Message, type Outcome } from './port.ts';
import { isUnavailable } from './unavailable.ts';

/** One delivery of one message, whatever bus brought it. */
export interface Incoming {
  readonly subject: string;
  readonly headers: Headers;
  readonly payload: Uint8Array;
  readonly deliveries: number;
  readonly stream: string;
  readonly sequence: number;
  /** Nanoseconds since 1970 at which the stream took it, as text; tells two messages of one sequence apart after data loss. */
  readonly takenAt: string;
  /** Somebody waits for an answer; the stream holds its own copy, so nothing is stored from here. */
  readonly request: boolean;
}

/** What the bus has to do with the delivery now. */
export type Verdict =
  | { readonly do: 'ack'; readonly answer?: object; readonly why?: string }
  /** Give it back, to be delivered again after `afterMs`: counts as a delivery. */
  | { readonly do: 'nak'; readonly afterMs: number; readonly why: string }
  /** Keep it here and handle it again after `afterMs`: does not count. */
  | { readonly do: 'hold'; readonly afterMs: number; readonly why: string }
  /** Its dead letter is stored: never deliver it again. */
  | { readonly do: 'term'; readonly why: string; readonly issues?: readonly Issue[] };

export interface WorkerOptions {
  readonly consumer: string;
  readonly route: (subject: string) => Handler | undefined;
  /** Subjects that concern this consumer; others are acknowledged unread. */
  readonly wanted: (subject: string) => boolean;
  readonly deadLetters: DeadLetterSink;
  /** Tries that may fail or end without a word before the message is dead. */
  readonly maxTries: number;
  readonly log: Log;
  /** UTC ISO, real time. */
  readonly now: () => string;
}

/**
 * Runs the handler for a delivery and judges what to do with it. Never throws. `holds` counts how often this delivery was
 * held before, for growing delays.
 */
export function createWorker(options: WorkerOptions): (incoming: Incoming, holds: number) => Promise<Verdict> {
  const { maxTries, log, consumer } = options;
  return async (incoming, holds) => {
    const { outcome, tries } = await counted(options, incoming).catch((error: unknown) => ({ outcome: failure(error), tries: 0 }));
    const { subject, sequence } = incoming;
    switch (outcome.kind) {
      case 'done':
        return { do: 'ack', answer: outcome.answer };
      case 'ignore':
        log.debug({ consumer, subject, sequence, why: outcome.why }, 'message ignored');
        return { do: 'ack', why: outcome.why };
      case 'retry':
        return { do: 'hold', afterMs: Math.max(0, outcome.afterMs), why: outcome.why };
      case 'dead':
        return bury(options, incoming, { outcome, holds });
      case 'unavailable':
        log.warn({ consumer, subject, sequence, err: outcome.error }, 'a server is unavailable: the message waits');
        return { do: 'hold', afterMs: backoff(holds, 500), why: outcome.why };
      case 'threw':
        log.error({ consumer, subject, sequence, tries, err: outcome.error }, 'handler failed');
        if (tries >= maxTries) return bury(options, incoming, { outcome: dead(`failed ${tries} times, last: ${outcome.why}`), holds });
        return { do: 'nak', afterMs: backoff(tries - 1, 1000), why: outcome.why };
    }
  };
}

type Failure = { kind: 'unavailable' | 'threw'; error: unknown; why: string };
type Dead = Extract<Outcome, { kind: 'dead' }>;

const failure = (error: unknown): Failure => ({ kind: isUnavailable(error) ? 'unavailable' : 'threw', error, why: textOf(error) });
const textOf = (error: unknown): string => (error instanceof Error ? `${error.name}: ${error.message}` : String((error as { message?: unknown })?.message ?? error)).slice(0, 500);

/** Doubles from `first` up to 30 s. */
export const backoff = (round: number, first: number): number => Math.min(30_000, first * 2 ** Math.min(round, 15));

/**
 * Counts the try. What is delivered for the first time costs no round trip: it is counted once it has failed. What comes again is
 * counted before, as this try may be the one that takes the process down; with an outcome it does not count.
 */
async function counted(options: WorkerOptions, incoming: Incoming): Promise<{ outcome: Outcome | Failure; tries: number }> {
  const { deadLetters, maxTries, consumer, wanted } = options;
  const run = () => attempt(options, incoming).catch((error: unknown) => failure(error));
  if (incoming.request || !wanted(incoming.subject)) return { outcome: await run(), tries: 1 };
  if (incoming.deliveries === 1) {
    const outcome = await run();
    return { outcome, tries: outcome.kind === 'threw' ? await deadLetters.countTry(letterId(consumer, incoming)) : 1 };
  }
  const id = letterId(consumer, incoming);
  const before = await deadLetters.countTry(id);
  // Whoever had it before died or hung without a word, so its handler is not given another process to take down.
  if (before > maxTries) return { outcome: dead(`tried ${before - 1} times without an outcome`), tries: before };
  const outcome = await run();
  if (outcome.kind !== 'threw') await deadLetters.endTry(id, outcome.kind === 'done' || outcome.kind === 'ignore');
  return { outcome, tries: before };
}

async function attempt({ route, wanted }: WorkerOptions, incoming: Incoming): Promise<Outcome | Failure> {
  if (!wanted(incoming.subject)) return done;
  const read = readEnvelope(incoming.headers, incoming.payload);
  if (!read.ok) return dead(read.reason, read.issues);
  const handler = route(incoming.subject);
  if (!handler) return dead(`nothing handles ${incoming.subject}`);
  const valid = validate(incoming.subject, read.event);
  if ('kind' in valid) return valid;
  const outcome: Outcome | undefined = await handler(messageOf(incoming, valid.event));
  if (outcome === undefined) return done;
  if (typeof outcome.kind !== 'string') throw new TypeError(`the handler of ${incoming.subject} returned no outcome`);
  return outcome;
}

function messageOf({ subject, headers, deliveries, request }: Incoming, event: Envelope): Message {
  const checkpoint = headers['rappel-position'];
  return { event, subject, deliveries, ...(checkpoint && { checkpoint }), ...(request && { request }) };
}

const schemas = new Map<string, { type: string; schema: (typeof publicEvents)[keyof typeof publicEvents]['schema'] }>(
  Object.entries(publicEvents).map(([type, { subject, schema }]) => [subject, { type, schema }]),
);

/** Public events carry what their schema says, and nothing else reaches a handler. */
function validate(subject: string, event: Envelope): { event: Envelope } | Dead {
  const known = schemas.get(subject);
  if (!known) return { event };
  if (event.type !== known.type) return dead(`${subject} carries ${known.type}, not ${event.type}`) as Dead;
  const result = known.schema.safeParse(event.data);
  if (result.success) return { event: Object.assign({}, event, { data: result.data }) };
  const issues = issuesOf(result.error);
  return dead(`data of ${event.type} does not fit its schema: ${issues.map(({ path, message }) => `${path}: ${message}`).join('; ')}`.slice(0, 1000), issues) as Dead;
}

async function bury(options: WorkerOptions, incoming: Incoming, { outcome, holds }: { outcome: Outcome; holds: number }): Promise<Verdict> {
  const { why, issues } = outcome as Dead;
  // The stream's own copy of a request leaves the dead letter.
  if (incoming.request) return { do: 'term', why, issues };
  const { consumer, log, now } = options;
  const { subject, sequence } = incoming;
  try {
    await options.deadLetters.store(letterOf(incoming, { consumer, reason: why, issues, at: now() }));
    log.error({ consumer, subject, sequence, reason: why }, 'message put among the dead letters');
    return { do: 'term', why, issues };
  } catch (error) {
    log.error({ consumer, subject, sequence, err: error }, 'dead letter could not be stored: the message waits');
    return { do: 'hold', afterMs: backoff(holds, 500), why: `dead letter could not be stored: ${textOf(error)}` };
  }
}

function letterId(consumer: string, { stream, sequence, takenAt }: Incoming): string {
  const hex = hash('sha256', JSON.stringify([consumer, stream, sequence, takenAt]));
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

export function letterOf(incoming: Incoming, { consumer, reason, issues, at }: { consumer: string; reason: string; issues?: readonly Issue[]; at: string }): DeadLetter {
  const { stream, sequence, subject, headers, payload, deliveries } = incoming;
  return { id: letterId(consumer, incoming), consumer, stream, sequence, subject, headers, payload, reason, ...(issues && { issues }), deliveries, at };
}
