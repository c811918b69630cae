import type { Envelope } from '@rappel/contracts';

/** What a handler makes of a message. Only the JetStream adapter turns it into ack, delayed nak, term and dead letter. */
export type Outcome =
  | { readonly kind: 'done' }
  /** Nothing to do, for a reason worth a debug line. Acknowledged. */
  | { readonly kind: 'ignore'; readonly why: string }
  /** Not now: redelivered after `afterMs` real milliseconds; does not count towards poison. */
  | { readonly kind: 'retry'; readonly afterMs: number; readonly why: string }
  /** Never: stored with its reason and original bytes among the dead letters, then terminated. */
  | { readonly kind: 'dead'; readonly why: string };

export const done: Outcome = { kind: 'done' };
export const ignore = (why: string): Outcome => ({ kind: 'ignore', why });
export const retry = (afterMs: number, why: string): Outcome => ({ kind: 'retry', afterMs, why });
export const dead = (why: string): Outcome => ({ kind: 'dead', why });

/** A message as a handler sees it: its CloudEvent, where it came from and how often. */
export interface Message {
  readonly event: Envelope;
  readonly subject: string;
  /** 1 on first delivery. */
  readonly deliveries: number;
  /** Position in the event store of the event it announces; absent on inbound messages. */
  readonly checkpoint?: string;
}

/** A thrown error is a `retry` with growing delay, and dead after the consumer's last delivery. */
export type Handler = (message: Message) => Promise<Outcome>;

/** Something the bus could not deliver, kept with its reason and original bytes. */
export interface DeadLetter {
  readonly id: string;
  readonly consumer: string;
  readonly subject: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly payload: Uint8Array;
  readonly reason: string;
  readonly deliveries: number;
  /** UTC ISO, real time. */
  readonly at: string;
}

/** Where dead letters go. Storing one twice (same consumer, stream and sequence) keeps one. */
export interface DeadLetters {
  store(letter: DeadLetter): Promise<void>;
}

/** A public message that the relay publishes for one stored event. */
export interface Announcement {
  readonly subject: string;
  readonly event: Envelope;
}
