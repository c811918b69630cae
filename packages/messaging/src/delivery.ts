import type { Msg, MsgHdrs } from '@nats-io/nats-core';
import type { Envelope } from '@rappel/contracts';
import { readEnvelope, type Headers } from './envelope.ts';
import type { Incoming, Verdict } from './worker.ts';

/** A delivery and the way to settle it. */
export interface Delivery {
  /** Which message of which incarnation of the stream. */
  readonly id: string;
  readonly incoming: Incoming;
  readonly key: string | undefined;
  readonly request: boolean;
  settle(verdict: Verdict): void;
  /** Tells the server that work goes on. */
  working(): void;
  /** The server gave the same message again: settle that one instead. */
  renew(newer: Msg): void;
}

/** A JetStream message, with its place read from the reply subject: `$JS.ACK[.<domain>.<account>].<stream>.<consumer>.<n>.<seq>.<n>.<time>.<pending>[.<random>]`. */
export function createDelivery(message: Msg, stream: string, keyOf: KeyOf): Delivery {
  const tokens = message.reply!.split('.');
  const at = tokens.length === 9 ? 2 : 4;
  const headers = flat(message.headers);
  const takenAt = tokens[at + 5]!;
  const sequence = Number(tokens[at + 3]);
  let current = message;
  return {
    id: `${sequence}:${takenAt}`,
    incoming: { subject: message.subject, headers, payload: message.data, deliveries: Number(tokens[at + 2]), stream, sequence, takenAt, request: false },
    key: keyOf(headers, message.data),
    request: false,
    settle: (verdict) => { current.respond(wordFor(verdict)); },
    working: () => { current.respond('+WPI'); },
    renew: (newer) => { current = newer; },
  };
}

function wordFor(verdict: Verdict): string {
  if (verdict.do === 'ack') return '+ACK';
  if (verdict.do === 'term') return '+TERM';
  return verdict.afterMs > 0 ? `-NAK ${JSON.stringify({ delay: Math.round(verdict.afterMs * 1e6) })}` : '-NAK';
}

/** Header names as they came; of several values the first. */
export function flat(headers: MsgHdrs | undefined): Headers {
  const record: Record<string, string> = {};
  if (!headers) return record;
  for (const [name, values] of headers) {
    if (name === '__proto__') Object.defineProperty(record, name, { value: values[0] ?? '', enumerable: true });
    else record[name] = values[0] ?? '';
  }
  return record;
}

/** Which messages wait for one another: those of one key run in the order in which they came. Undefined = for none. */
export type KeyOf = (headers: Headers, payload: Uint8Array) => string | undefined;

/** `ce-subject`; where there is none, the subject of a structured event, else what `about` makes of the event. */
export function keyBy(about: ((event: Envelope) => string | undefined) | undefined): KeyOf {
  return (headers, payload) => {
    const subject = subjectOf(headers);
    if (subject !== undefined || !about) return subject;
    const read = readEnvelope(headers, payload);
    return read.ok ? read.event.subject ?? about(read.event) : undefined;
  };
}

function subjectOf(headers: Headers): string | undefined {
  const exact = headers['ce-subject'];
  if (exact !== undefined) return exact;
  for (const name in headers) if (name.toLowerCase() === 'ce-subject') return headers[name];
  return undefined;
}
