import type { Envelope } from '@rappel/contracts';

/** What a handler makes of a message. Only the adapter turns it into ack, hold, delayed nak, term and dead letter. */
export type Outcome =
  /** Handled. `answer` is what a requester reads beside `stream` and `seq`; ignored when nobody asked. */
  | { readonly kind: 'done'; readonly answer?: object }
  /** Nothing to do, for a reason worth a debug line. Acknowledged. */
  | { readonly kind: 'ignore'; readonly why: string }
  /** Not now: handled again after `afterMs` real milliseconds, the rest of its key waiting behind; does not count towards poison. */
  | { readonly kind: 'retry'; readonly afterMs: number; readonly why: string }
  /** Never: stored with its reason and original bytes among the dead letters, then terminated. */
  | { readonly kind: 'dead'; readonly why: string; readonly issues?: readonly Issue[] };

/** One thing that is wrong with a message. `path` is empty when it is the message as a whole. */
export interface Issue {
  readonly path: string;
  readonly message: string;
}

export const done: Outcome = { kind: 'done' };
/** Handled, and this is what a requester is told. */
export const answer = (value: object): Outcome => ({ kind: 'done', answer: value });
export const ignore = (why: string): Outcome => ({ kind: 'ignore', why });
export const retry = (afterMs: number, why: string): Outcome => ({ kind: 'retry', afterMs, why });
export const dead = (why: string, issues?: readonly Issue[]): Outcome => ({ kind: 'dead', why, ...(issues && { issues }) });

/** A message as a handler sees it: its CloudEvent (with `traceparent` and `correlationid`), where it came from and how often. */
export interface Message {
  readonly event: Envelope;
  readonly subject: string;
  /** 1 on first delivery. */
  readonly deliveries: number;
  /** Position in the event store of the event it announces; absent on inbound messages. */
  readonly checkpoint?: string;
  /** True when somebody waits for an answer; the stream's own copy comes as well and finds the work done. */
  readonly request?: boolean;
}

/**
 * A thrown error is a `retry` with growing delay, and dead after the consumer's last try. An error that says a server
 * could not be reached (`StoreUnavailable`, a refused connection) is the surroundings' fault and never makes a message dead.
 */
export type Handler = (message: Message) => Promise<Outcome>;

/** Something the bus could not deliver, kept with its reason and original bytes. */
export interface DeadLetter {
  /** The same for the same delivery: made of consumer, stream, sequence and the moment the stream took it. */
  readonly id: string;
  readonly consumer: string;
  readonly stream: string;
  readonly sequence: number;
  readonly subject: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly payload: Uint8Array;
  readonly reason: string;
  readonly issues?: readonly Issue[];
  readonly deliveries: number;
  /** UTC ISO, real time. */
  readonly at: string;
}

/** Where dead letters go, and what decides whether a message becomes one. All reject when they cannot reach their database. */
export interface DeadLetterSink {
  /** Storing the same one twice keeps one. */
  store(letter: DeadLetter): Promise<void>;
  /**
   * Counts a try of the message that would be this dead letter, whatever process makes it, and answers how many there are. That it
   * was delivered is no try: it may have waited in a process that was stopped or killed.
   */
  countTry(id: string): Promise<number>;
  /** The last counted try came to an outcome and does not count; `over` = so did the message, and none does. */
  endTry(id: string, over: boolean): Promise<void>;
}

/** A public message that the relay publishes for one stored event. */
export interface Announcement {
  readonly subject: string;
  readonly event: Envelope;
}

/** The part of a pino logger that is used here. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
export const silent: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
