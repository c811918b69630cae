import type { NatsConnection } from '@nats-io/nats-core';
import { Server, type CustomTransportStrategy, type MessageHandler } from '@nestjs/microservices';
import { streams, type Envelope } from '@rappel/contracts';
import { isObservable, lastValueFrom } from 'rxjs';
import { openDurable, type Durable, type DurableStats } from './durable.ts';
import { silent, type DeadLetterSink, type Handler, type Log, type Outcome } from './port.ts';
import { createRouter, filterSubjects } from './subjects.ts';

/** One durable pull consumer of a service. */
export interface ConsumerOptions {
  readonly stream: string;
  /** Shared by all instances of the service: each message goes to one of them. */
  readonly durable: string;
  /** Of the stream's subjects those that it wants, where handlers for others go elsewhere. Default: all that `@rappel/contracts` lists. */
  readonly subjects?: readonly string[];
  /** This service owns the stream: create it as a work queue whose copies leave once handled. Default false: wait for it. */
  readonly createStream?: boolean;
  /** Copies of a created stream in a cluster. Default 1. */
  readonly replicas?: number;
  /** Also answer requests on the stream's subjects. Default false. */
  readonly requests?: boolean;
  /** What an event is about that names no `subject`: messages about the same run one after the other, in their order. Default: nothing, they run freely. */
  readonly about?: (event: Envelope) => string | undefined;
  /** Handlers at once in this process. Default 128. */
  readonly concurrency?: number;
  /** Tries that may fail, or end without a word, before a message is dead, over all processes and restarts. Default 8. */
  readonly maxTries?: number;
  /** Silence after which the server gives a message of a dead instance to another one. Default 10 s; whatever is held longer than a third of it is reported as being worked on. */
  readonly ackWaitMs?: number;
  /** Unacknowledged messages over all instances. Default 8 × concurrency, at least 1024. */
  readonly maxAckPending?: number;
}

export interface StrategyOptions {
  readonly bus: NatsConnection;
  readonly consumers: readonly ConsumerOptions[];
  readonly deadLetters: DeadLetterSink;
  /** Default: says nothing. */
  readonly log?: Log;
  /** How long `close()` waits for handlers before it hands their messages back. Default 10 s. */
  readonly closeWithinMs?: number;
}

export interface Strategy extends CustomTransportStrategy, Server {
  /** Resolves when every durable gets messages. */
  ready(): Promise<void>;
  /** Why a durable gets no messages, or nothing. */
  healthy(): string | undefined;
  stats(): DurableStats[];
  /** Messages that wait per durable, `<stream>/<durable>` → count. */
  lag(): Promise<Record<string, number>>;
}

const defaults = { concurrency: 128, createStream: false, replicas: 1, requests: false, maxTries: 8, ackWaitMs: 10_000 };

/**
 * Nest transport over JetStream: `@EventPattern(subject)` methods take `@Payload() message: Message` and return an `Outcome`
 * (nothing = done), which decides what becomes of the message. The connection is the caller's and is not closed here.
 */
export const createStrategy = (options: StrategyOptions): Strategy => new JetStreamStrategy(options);

class JetStreamStrategy extends Server implements Strategy {
  override readonly propagatesEventHandlerErrors = true;
  override readonly transportId = Symbol.for('rappel:jetstream');
  private readonly options: StrategyOptions;
  private durables: Durable[] = [];

  constructor(options: StrategyOptions) {
    super();
    this.options = options;
  }

  /** Calls back at once: streams may come up later than their consumers; `healthy()` tells. */
  listen(callback: (error?: unknown) => void): void {
    try {
      const route = createRouter(new Map([...this.messageHandlers].map(([pattern, handler]) => [pattern, outcomeOf(handler)])));
      this.durables = this.options.consumers.map((consumer) => this.open(consumer, route));
      callback();
    } catch (error) {
      callback(error);
    }
  }

  private open(consumer: ConsumerOptions, route: (subject: string) => Handler | undefined): Durable {
    const { bus, deadLetters, log = silent, closeWithinMs = 10_000 } = this.options;
    const settings = { ...defaults, ...consumer };
    const { stream, durable, concurrency, createStream, replicas, requests, maxTries, ackWaitMs } = settings;
    const subjects = consumer.subjects ?? keptBy(stream);
    const filters = filterSubjects(this.messageHandlers.keys(), subjects, createStream);
    if (filters.length === 0) throw new Error(`no handler for any subject of ${stream} (${subjects.join(', ')})`);
    return openDurable({
      stream, durable, concurrency, maxTries, ackWaitMs, closeWithinMs,
      filterSubjects: filters,
      maxAckPending: consumer.maxAckPending ?? Math.max(1024, concurrency * 8),
      prefetch: concurrency * 2,
      ...(createStream && { createStream: { subjects, kind: 'work' as const, replicas } }),
      ...(consumer.about && { about: consumer.about }),
      ...(requests && { requests: subjects }),
    }, { bus, route, deadLetters, log });
  }

  async ready(): Promise<void> {
    await Promise.all(this.durables.map(({ ready }) => ready));
  }

  healthy(): string | undefined {
    return this.durables.map((durable) => durable.healthy()).filter(Boolean).join('; ') || undefined;
  }

  stats(): DurableStats[] {
    return this.durables.map((durable) => durable.stats());
  }

  async lag(): Promise<Record<string, number>> {
    return Object.fromEntries(await Promise.all(this.durables.map(async (durable) => {
      const { stream, durable: name } = durable.stats();
      return [`${stream}/${name}`, await durable.lag()] as const;
    })));
  }

  async close(): Promise<void> {
    await Promise.all(this.durables.map((durable) => durable.close()));
  }

  on(): never {
    throw new Error('there are no transport events to listen to: use the log and healthy()');
  }

  unwrap<T>(): T {
    return this.options.bus as T;
  }
}

/** Nest hands back a promise of a value or of an observable; either way the last value is the outcome. */
function outcomeOf(handler: MessageHandler): Handler {
  return async (message) => {
    const result: unknown = await handler(message, undefined);
    return (isObservable(result) ? await lastValueFrom(result, { defaultValue: undefined }) : result) as Outcome;
  };
}

function keptBy(stream: string): readonly string[] {
  const known = (streams as Record<string, { subjects: readonly string[] } | undefined>)[stream];
  if (!known) throw new Error(`stream ${stream} is not in the contracts: give its subjects`);
  return known.subjects;
}
