/** An event to append. Plain JSON: no `Date`, no `bigint`, no `undefined`. */
export interface NewEvent<T extends string = string, D extends object = object> {
  /** UUID. Derive it from the command's id (UUIDv5) so that a retry appends nothing and returns the first result. */
  readonly id: string;
  /** Past tense, e.g. `AttributionCreated`. */
  readonly type: T;
  readonly data: D;
  /** Fields that identify a person. Sealed before it is stored; see `@rappel/privacy`. */
  readonly personal?: Personal;
  readonly metadata?: Metadata;
  /** Only for imports: when another store took it (UTC ISO). Default: now, by the store's clock. */
  readonly recordedAt?: string;
}

/** Why an event is there. Stored as given; adapters add nothing. */
export interface Metadata {
  /** The conversation: the id of the upstream event that started it all. */
  readonly correlationId?: string;
  /** The event or command that led to this one. */
  readonly causationId?: string;
  /** W3C trace context. */
  readonly traceparent?: string;
  /** Channels that its message is restricted to, as its writer knew them (`EMAIL`); absent = not known then. */
  readonly channels?: readonly string[];
  /** Who did it, when an operator did (`operator:alice`). Never a borrower's name. */
  readonly actor?: string;
  /** Shape version of `data`; absent = 1. Older shapes are upcast on read. */
  readonly schemaVersion?: number;
}

/**
 * Personal fields of one person. `open` inside a service, `sealed` in the store and on the bus,
 * `erased` when the person's key is gone.
 */
export type Personal =
  | { readonly state: 'open'; readonly subject: string; readonly fields: Readonly<Record<string, string>> }
  | { readonly state: 'sealed'; readonly subject: string; readonly context: string; readonly fields: Readonly<Record<string, string>> }
  | { readonly state: 'erased'; readonly subject: string };

/** An event as the store gives it back. */
export interface RecordedEvent<T extends string = string, D extends object = object> {
  readonly id: string;
  readonly type: T;
  readonly data: D;
  readonly personal?: Personal;
  readonly metadata: Metadata;
  readonly stream: string;
  /** Place in its stream, counted from 1. */
  readonly version: number;
  readonly checkpoint: Checkpoint;
  /** When the store took it: UTC, ISO 8601, real time (business time is in `data`). */
  readonly recordedAt: string;
}

/**
 * A place in the order of the whole store. Opaque, except that plain string comparison of two checkpoints
 * of one store orders them. `START` is before everything.
 */
export type Checkpoint = string;
export const START: Checkpoint = '';

/** How many events the stream must hold: 0 = nobody wrote yet; `any` = no check. */
export type ExpectedVersion = number | 'any';

export interface Append {
  readonly stream: string;
  readonly events: readonly NewEvent[];
  readonly expected: ExpectedVersion;
}

export interface Appended {
  readonly stream: string;
  /** The stream's version after the append: how many events it holds. */
  readonly version: number;
  /** Place of the append's last event. */
  readonly checkpoint: Checkpoint;
  /** True when these event ids were already there and nothing was written. */
  readonly duplicate: boolean;
}

export interface ReadStreamOptions {
  /** First version wanted, inclusive. Default: 1, or the last one when backwards. */
  readonly from?: number;
  /** Default false. */
  readonly backwards?: boolean;
  /** Default: all of it. */
  readonly limit?: number;
}

export interface ReadAllOptions {
  /** Exclusive. Default: `START`, or the end when backwards. */
  readonly after?: Checkpoint;
  /** Default false. Backwards, `after` means "before". */
  readonly backwards?: boolean;
  /** Only streams of these categories (the part of a stream's name before its first `-`). Default: all. */
  readonly categories?: readonly string[];
  /** Most events returned. Default 1000. */
  readonly limit?: number;
}

export interface SubscribeOptions {
  /** Exclusive. Default: `START`. */
  readonly after?: Checkpoint;
  /** Default: all. */
  readonly categories?: readonly string[];
  /** Most events in a batch. Default 500. */
  readonly batchSize?: number;
  /** Ends the subscription; the iterator then returns. */
  readonly signal?: AbortSignal;
}

export interface Batch {
  /** In order, no gap, none twice. Empty when the batch only carries news of the checkpoint or of having caught up. */
  readonly events: readonly RecordedEvent[];
  /** Resume after this. Moves past events of other categories too. */
  readonly checkpoint: Checkpoint;
  /** True when nothing more was there at the time of reading. Sent again each time the end is reached anew. */
  readonly caughtUp: boolean;
}

/** What a stream's owner keeps beside it; never part of the order. */
export interface StreamMetadata {
  /** Person whose key seals this stream's personal fields. */
  readonly subject?: string;
  /** UTC ISO instant after which a retention run may erase it. */
  readonly retainUntil?: string;
  readonly [key: string]: unknown;
}

/**
 * The event store. Every adapter passes the suite in `@rappel/event-store/testing`.
 * All calls reject with `StoreUnavailable` when the server cannot be reached in time; the outcome of an append is then
 * not known, and the same append (same event ids) may simply be sent again.
 */
export interface EventStore {
  /**
   * Appends to one stream, all or nothing. Rejects with `VersionConflict` when `expected` does not hold,
   * with `EventRefused` for what can never be stored: an event over 1,000,000 bytes of JSON, no event at all, `data` that is
   * not a JSON object, a bad id, type or stream name, one id twice.
   * Appending ids that the stream already holds writes nothing and returns the first result (`duplicate`), whatever `expected`;
   * when it holds only some of them: `EventRefused`. Ids are compared within their stream only.
   * Concurrent calls may be gathered into one round trip; each keeps its own answer. Calls of one process to one stream
   * take effect in the order of the calls.
   */
  append(stream: string, events: readonly NewEvent[], expected: ExpectedVersion): Promise<Appended>;
  /** Appends to several streams (each named once), all or nothing over all of them. Answers in the order given. */
  appendMany(appends: readonly Append[]): Promise<Appended[]>;
  /** Events of one stream; empty when there is none. Concurrent calls may be gathered into one round trip. */
  readStream(stream: string, options?: ReadStreamOptions): Promise<RecordedEvent[]>;
  /** One page of the whole store's order. */
  readAll(options?: ReadAllOptions): Promise<RecordedEvent[]>;
  /**
   * Everything after a checkpoint, then whatever comes, in order, without gap: one batch at a time, the next is only
   * delivered when the consumer asks for it (back-pressure with a bounded read-ahead). Reconnects by itself.
   */
  subscribe(options?: SubscribeOptions): AsyncIterable<Batch>;
  /** The end of the store now; `START` when empty. */
  head(): Promise<Checkpoint>;
  readStreamMetadata(stream: string): Promise<StreamMetadata | undefined>;
  writeStreamMetadata(stream: string, metadata: StreamMetadata): Promise<void>;
  /** Finishes what is in flight and lets go of connections. */
  close(): Promise<void>;
}

/** `loan-42` → `loan`. A name without `-` is its own category. */
export const categoryOf = (stream: string): string => stream.split('-', 1)[0]!;
