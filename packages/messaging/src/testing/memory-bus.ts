import type { Envelope } from '@rappel/contracts';
import { writeEnvelope, type Headers } from '../envelope.ts';
import { createLanes, type Lanes, type Task } from '../lanes.ts';
import { silent, type DeadLetter, type Handler } from '../port.ts';
import { createRouter, fits } from '../subjects.ts';
import { createWorker, type Incoming, type Verdict } from '../worker.ts';
import { createMemoryDeadLetters } from './memory-dead-letters.ts';
import type { VirtualTime } from './virtual-time.ts';

/** Probabilities from 0 to 1. All default to 0: a bus without faults delivers in order, once. */
export interface BusFaults {
  /** A message overtakes others: it is held up for up to `delayMs`. */
  readonly reorder?: number;
  /** A message is delivered once more, up to `delayMs` later. */
  readonly duplicate?: number;
  /** An acknowledgement is lost: the message comes again after the ack wait. */
  readonly dropAck?: number;
  /** Longest extra delay, virtual milliseconds. Default 60 000. */
  readonly delayMs?: number;
}

export interface InMemoryBusOptions {
  readonly time: VirtualTime;
  /** In [0, 1), e.g. `seededRandom(seed)`. */
  readonly random: () => number;
  readonly faults?: BusFaults;
}

export interface InMemoryConsumer {
  readonly consumer: string;
  /** Subject or pattern → handler. Handlers of one consumer share its messages, as instances of one durable do. */
  readonly handlers: Readonly<Record<string, Handler>>;
  /** Default 8. */
  readonly concurrency?: number;
  /** Default 8. */
  readonly maxTries?: number;
  /** Virtual milliseconds. Default 60 000. */
  readonly ackWaitMs?: number;
}

/** A bus in memory with the outcomes, validation, order per key, redelivery and dead letters of the JetStream strategy, on virtual time. */
export interface InMemoryBus {
  /** Messages published from here on. */
  subscribe(consumer: InMemoryConsumer): void;
  publish(subject: string, event: Envelope, options?: { position?: string }): void;
  /** The process dies: what its handlers return from here on is not heard, what it held comes again after the ack wait. */
  crash(consumer: string): void;
  /** What is not acknowledged yet, of one consumer or of all. */
  pending(consumer?: string): number;
  readonly deadLetters: readonly DeadLetter[];
}

interface Stored { readonly subject: string; readonly headers: Headers; readonly payload: Uint8Array; readonly sequence: number }
interface Work extends Task { readonly copy: Copy; readonly deliveries: number; holds: number }
/** A message that one consumer has not acknowledged. `held` = it is with the process now. */
interface Copy { readonly message: Stored; readonly consumer: Consumer; deliveries: number; held: boolean }
/** What a crash takes away. */
interface Process { readonly lanes: Lanes<Work>; kill(): void }
interface Consumer {
  readonly name: string;
  readonly subjects: readonly string[];
  readonly options: Required<Omit<InMemoryConsumer, 'handlers' | 'consumer'>>;
  readonly work: (incoming: Incoming, holds: number) => Promise<Verdict>;
  readonly copies: Set<Copy>;
  process: Process;
}

export function createInMemoryBus({ time, random, faults = {} }: InMemoryBusOptions): InMemoryBus {
  const consumers = new Map<string, Consumer>();
  const deadLetters = createMemoryDeadLetters();
  const happens = (probability = 0) => probability > 0 && random() < probability;
  const someDelay = () => Math.floor(random() * (faults.delayMs ?? 60_000));
  let sequence = 0;

  const start = (consumer: Omit<Consumer, 'process'>): Process => {
    let alive = true;
    const lanes = createLanes<Work>({
      concurrency: consumer.options.concurrency,
      after: time.after,
      run: async (task) => {
        const { message } = task.copy;
        const verdict = await consumer.work({ ...message, deliveries: task.deliveries, stream: 'MEMORY', takenAt: '', request: false }, task.holds);
        // Nobody hears what a dead process has to say.
        return alive ? settle(task, verdict) : undefined;
      },
    });
    return { lanes, kill: () => { alive = false; lanes.stop(); } };
  };
  const settle = (task: Work, verdict: Verdict): number | undefined => {
    const { copy } = task;
    if (verdict.do === 'hold') {
      task.holds++;
      return verdict.afterMs;
    }
    copy.held = false;
    if (verdict.do === 'nak') deliverAfter(copy, verdict.afterMs);
    else if (happens(faults.dropAck)) deliverAfter(copy, copy.consumer.options.ackWaitMs);
    else copy.consumer.copies.delete(copy);
    return undefined;
  };
  const deliverAfter = (copy: Copy, ms: number) => {
    time.after(ms, () => {
      copy.held = true;
      copy.consumer.process.lanes.push({ key: copy.message.headers['ce-subject'], copy, deliveries: ++copy.deliveries, holds: 0 });
    });
  };
  const send = (message: Stored, consumer: Consumer) => {
    const copy: Copy = { message, consumer, deliveries: 0, held: false };
    consumer.copies.add(copy);
    deliverAfter(copy, happens(faults.reorder) ? someDelay() : 0);
    if (happens(faults.duplicate)) time.after(someDelay(), () => { again(copy); });
  };
  /** A second delivery that the server made although the first was acknowledged. */
  const again = (copy: Copy) => {
    const twin = { ...copy, deliveries: copy.deliveries + 1 };
    copy.consumer.copies.add(twin);
    deliverAfter(twin, 0);
  };

  return {
    subscribe: ({ consumer: name, handlers, concurrency = 8, maxTries = 8, ackWaitMs = 10_000 }) => {
      const settings = {
        name, subjects: Object.keys(handlers), options: { concurrency, maxTries, ackWaitMs }, copies: new Set<Copy>(),
        work: createWorker({
          consumer: name, maxTries, wanted: () => true, log: silent, now: time.clock.now,
          route: createRouter(new Map(Object.entries(handlers))),
          deadLetters: deadLetters,
        }),
      };
      const consumer: Consumer = { ...settings, process: start(settings) };
      consumers.set(name, consumer);
    },
    publish: (subject, event, { position } = {}) => {
      const { headers, payload } = writeEnvelope(event);
      const message = { subject, payload, sequence: ++sequence, headers: { ...headers, ...(position && { 'rappel-position': position }) } };
      for (const consumer of consumers.values()) if (consumer.subjects.some((pattern) => fits(subject, pattern))) send(message, consumer);
    },
    crash: (name) => {
      const consumer = consumers.get(name);
      if (!consumer) throw new Error(`no consumer ${name}`);
      consumer.process.kill();
      consumer.process = start(consumer);
      for (const copy of consumer.copies) {
        if (!copy.held) continue;
        copy.held = false;
        deliverAfter(copy, consumer.options.ackWaitMs);
      }
    },
    pending: (name) => [...consumers.values()].filter((consumer) => name === undefined || consumer.name === name).reduce((sum, { copies }) => sum + copies.size, 0),
    get deadLetters() { return [...deadLetters.letters.values()]; },
  };
}
