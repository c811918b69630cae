import { expect, test } from '@jest/globals';
import { Registry } from 'prom-client';
import { createHealthChecks } from './health.ts';
import { measureConsumers, measureDeadLetters, measureHealth, measureRelay } from './measures.ts';

const counts = { inFlight: 3, running: 2, acknowledged: 40, handedBack: 1, held: 0, deadLettered: 1, requests: 0 };
const stats = () => [{ stream: 'LOAN', durable: 'email', ...counts }];

test('shows health, consumers, the relay and dead letters when asked', async () => {
  const registry = new Registry();
  const health = createHealthChecks();
  health.add('nats', () => true);
  health.add('event-store', () => { throw new Error('down'); });
  measureHealth(registry, health);
  measureConsumers(registry, { lag: async () => ({ 'LOAN/email': 7 }), stats });
  measureRelay(registry, { stats: () => ({ leading: true, published: 12, duplicates: 0, inFlight: 0, rewinds: 2, lagMs: 1500 }) }, 'LOAN');
  measureDeadLetters(registry, { count: async () => ({ open: 4, retried: 0, dropped: 1 }) });
  await registry.metrics();
  const page = await registry.metrics();
  for (const line of [
    'rappel_up{check="nats"} 1', 'rappel_up{check="event-store"} 0',
    'rappel_consumer_lag{stream="LOAN",durable="email"} 7', 'rappel_messages_total{stream="LOAN",durable="email",outcome="acknowledged"} 40',
    'rappel_relay_leading{stream="LOAN"} 1', 'rappel_relay_lag_seconds{stream="LOAN"} 1.5', 'rappel_relay_published_total{stream="LOAN"} 12', 'rappel_relay_rewinds_total{stream="LOAN"} 2',
    'rappel_dead_letters{status="open"} 4',
  ]) expect(page.split('\n')).toContain(line);
});

test('leaves out what cannot be read, and shows the rest', async () => {
  const registry = new Registry();
  measureConsumers(registry, { lag: () => Promise.reject(new Error('no NATS')), stats });
  measureDeadLetters(registry, { count: () => Promise.reject(new Error('no PostgreSQL')) });
  const page = await registry.metrics();
  expect(page).not.toMatch(/^rappel_consumer_lag\{/m);
  expect(page).not.toMatch(/^rappel_dead_letters\{/m);
  expect(page).toMatch(/^rappel_messages_total\{.*outcome="handedBack"\} 1$/m);
});
