import type { DeadLetters, Relay, Strategy } from '@rappel/messaging';
import { Counter, Gauge } from 'prom-client';
import type { Registry } from 'prom-client';
import type { HealthChecks } from './health.ts';

const LONGEST_READ_MS = 2000;

/** What can be read now, else nothing: a server that is down leaves its figures out and never fails the whole page. */
async function readable<T>(read: () => Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => { timer = setTimeout(() => resolve(undefined), LONGEST_READ_MS); });
  try {
    return await Promise.race([read(), late]);
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

/** Each check of `/health/ready`. */
export function measureHealth(registry: Registry, health: HealthChecks): void {
  const metric = new Gauge({
    name: 'rappel_up', help: 'Whether what the service needs answers, by check', labelNames: ['check'], registers: [registry],
    async collect() {
      const { checks } = await health.run();
      for (const [check, state] of Object.entries(checks)) metric.set({ check }, state === 'up' ? 1 : 0);
    },
  });
}

const outcomes = ['acknowledged', 'handedBack', 'held', 'deadLettered', 'requests'] as const;

export function measureConsumers(registry: Registry, strategy: Pick<Strategy, 'lag' | 'stats'>): void {
  const waiting = new Gauge({
    name: 'rappel_consumer_lag', help: 'Messages that NATS has for a consumer and that nobody acknowledged', labelNames: ['stream', 'durable'], registers: [registry],
    async collect() {
      const lag = await readable(() => strategy.lag());
      waiting.reset();
      for (const [name, count] of Object.entries(lag ?? {})) {
        const [stream = '', durable = ''] = name.split('/');
        waiting.set({ stream, durable }, count);
      }
    },
  });
  const messages = new Counter({
    name: 'rappel_messages_total', help: 'Messages of a consumer in this process, by what became of them', labelNames: ['stream', 'durable', 'outcome'], registers: [registry],
    collect() {
      messages.reset();
      for (const { stream, durable, ...counts } of strategy.stats()) {
        for (const outcome of outcomes) messages.inc({ stream, durable, outcome }, counts[outcome]);
      }
    },
  });
}

export function measureRelay(registry: Registry, relay: Pick<Relay, 'stats'>, stream: string): void {
  const gauge = (name: string, help: string, value: () => number) => {
    const metric = new Gauge({ name, help, labelNames: ['stream'], registers: [registry], collect() { metric.set({ stream }, value()); } });
  };
  const counter = (name: string, help: string, value: () => number) => {
    const metric = new Counter({ name, help, labelNames: ['stream'], registers: [registry], collect() { metric.reset(); metric.inc({ stream }, value()); } });
  };
  gauge('rappel_relay_leading', '1 = this instance publishes, 0 = another one does or nobody', () => (relay.stats().leading ? 1 : 0));
  gauge('rappel_relay_lag_seconds', 'Age of the newest event published while there are more to publish', () => relay.stats().lagMs / 1000);
  counter('rappel_relay_published_total', 'Events published', () => relay.stats().published);
  counter('rappel_relay_rewinds_total', 'How often NATS was found to hold less than it had acknowledged', () => relay.stats().rewinds);
}

/** Of all services together: they share one table. */
export function measureDeadLetters(registry: Registry, deadLetters: Pick<DeadLetters, 'count'>): void {
  const metric = new Gauge({
    name: 'rappel_dead_letters', help: 'Messages that could not be handled, of all services', labelNames: ['status'], registers: [registry],
    async collect() {
      const counts = await readable(() => deadLetters.count());
      metric.reset();
      for (const [status, count] of Object.entries(counts ?? {})) metric.set({ status }, count);
    },
  });
}
