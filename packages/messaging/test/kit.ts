import { randomUUID } from 'node:crypto';
import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { headers as natsHeaders } from '@nats-io/nats-core';
import type { Envelope } from '@rappel/contracts';
import { until as wait } from '@rappel/local-stack';
import { connectBus, createStrategy, writeEnvelope, type ConsumerOptions, type DeadLetter, type Log, type Outcome, type Message, type Strategy, type StrategyOptions } from '../src/index.ts';
import { createMemoryDeadLetters } from '../src/testing/index.ts';

/** Runs at the end of each spec, last first. */
export const cleanUps: (() => unknown)[] = [];
export async function cleanUp(): Promise<void> {
  for (const step of cleanUps.splice(0).toReversed()) await step();
}

/** Waits for anything that is true. */
export const until = <T>(what: string, check: () => T | Promise<T>, patienceMs = 20_000): Promise<NonNullable<T>> =>
  wait(what, async () => await check() || undefined, { patienceMs }) as Promise<NonNullable<T>>;

export async function openBus(servers = process.env.TEST_NATS_URL!, log?: Log): Promise<NatsConnection> {
  const bus = await connectBus({ servers, name: 'spec', ...(log && { log }) });
  cleanUps.push(() => bus.close());
  return bus;
}

export const unique = (word: string): string => `${word}${randomUUID().replaceAll('-', '').slice(0, 10)}`;

export const event = (fields: Partial<Envelope> = {}): Envelope => ({
  specversion: '1.0', id: randomUUID(), source: 'spec', type: 'Something', data: { n: 1 }, ...fields,
});

export function headersOf(record: Record<string, string>) {
  const headers = natsHeaders();
  for (const [name, value] of Object.entries(record)) headers.set(name, value);
  return headers;
}

export function publishEvent(bus: NatsConnection, subject: string, envelope: Envelope): void {
  const { headers, payload } = writeEnvelope(envelope);
  bus.publish(subject, payload, { headers: headersOf(headers) });
}

/** A work queue with its subjects and durable, all of fresh names, gone afterwards. */
export async function openQueue(bus: NatsConnection): Promise<{ stream: string; durable: string; prefix: string; subjects: string[] }> {
  const prefix = unique('q');
  const stream = prefix.toUpperCase();
  cleanUps.push(async () => {
    if (!bus.isClosed()) await (await jetstreamManager(bus)).streams.delete(stream).catch(() => {});
  });
  return { stream, durable: 'worker', prefix, subjects: [`${prefix}.*`] };
}

export interface Running {
  readonly strategy: Strategy;
  readonly dead: Map<string, DeadLetter>;
}

export async function runStrategy(
  bus: NatsConnection,
  consumer: ConsumerOptions,
  handlers: Record<string, (message: Message) => Promise<Outcome>>,
  more: Partial<StrategyOptions> = {},
): Promise<Running> {
  const sink = createMemoryDeadLetters();
  const strategy = createStrategy({ bus, consumers: [consumer], closeWithinMs: 2000, deadLetters: sink, ...more });
  for (const [pattern, handler] of Object.entries(handlers)) strategy.addHandler(pattern, handler, true);
  await new Promise<void>((resolve, reject) => { strategy.listen((error?: unknown) => { if (error) reject(error as Error); else resolve(); }); });
  cleanUps.push(() => strategy.close());
  await strategy.ready();
  return { strategy, dead: sink.letters };
}
