import type { JetStreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { flat } from './delivery.ts';
import type { DeadLetterSink, Log } from './port.ts';
import { letterOf } from './worker.ts';

export interface AdvisoryOptions {
  readonly bus: NatsConnection;
  readonly jsm: () => Promise<JetStreamManager>;
  readonly stream: string;
  readonly durable: string;
  readonly deadLetters: DeadLetterSink;
  readonly log: Log;
  readonly onStored: () => void;
}

/** The second net: a message that the server itself stops delivering is fetched and put among the dead letters. */
export function watchAdvisories({ bus, stream, durable, log, ...options }: AdvisoryOptions): { unsubscribe(): void } {
  return bus.subscribe(`$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.${stream}.${durable}`, {
    queue: `rappel-${durable}`,
    callback: (error, message) => {
      if (error) return log.error({ stream, durable, err: error }, 'advisories cannot be followed');
      const { stream_seq: sequence, deliveries } = message.json<{ stream_seq: number; deliveries: number }>();
      void bury(sequence, deliveries);
    },
  });

  async function bury(sequence: number, deliveries: number): Promise<void> {
    try {
      await fetchAndStore(sequence, deliveries);
    } catch (err) {
      log.error({ stream, durable, sequence, err }, 'a message that is not delivered any more could not be put among the dead letters');
    }
  }

  async function fetchAndStore(sequence: number, deliveries: number): Promise<void> {
    const stored = await (await options.jsm()).streams.getMessage(stream, { seq: sequence });
    if (!stored) return;
    const incoming = { subject: stored.subject, headers: flat(stored.header), payload: stored.data, deliveries, stream, sequence, takenAt: nanoseconds(stored.timestamp), request: false };
    const reason = `delivered ${deliveries} times without an outcome`;
    await options.deadLetters.store(letterOf(incoming, { consumer: durable, reason, at: new Date().toISOString() }));
    options.onStored();
    log.error({ stream, durable, sequence, reason }, 'message put among the dead letters');
  }
}

/** `2026-01-02T03:04:05.123456789Z` → nanoseconds since 1970, as the reply subject of a delivery has them. */
function nanoseconds(timestamp: string): string {
  const [, seconds = '', fraction = ''] = /^(.*?)(?:\.(\d+))?Z$/.exec(timestamp) ?? [];
  return (BigInt(Date.parse(`${seconds}Z`)) * 1_000_000n + BigInt(fraction.padEnd(9, '0').slice(0, 9) || 0)).toString();
}
