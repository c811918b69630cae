import { headers } from '@nats-io/nats-core';
import type { JetStreamClient } from '@nats-io/jetstream';
import type { Channel } from '@rappel/contracts';
import { recipient } from './sink.ts';

/** Where business time stands at the start of a run: a working morning, so that nothing waits for a decent hour. */
export const ORIGIN = '2026-03-17T09:00:00.000Z';

/** The inbound event that leads to one message at once; `n` numbers borrower, loan and recipient. */
export const loanOut = (n: number, channel: Channel): object => ({
  attributionId: `loan-${n}`,
  borrower: {
    id: `borrower-${n}`, firstName: 'Camille', lastName: 'Martin', locale: 'fr',
    email: recipient(n), phone: `+33612${String(n).padStart(6, '0')}`,
    preferences: { email: channel === 'EMAIL', whatsapp: channel === 'WHATSAPP', preferred: channel, both: false, fallback: false },
  },
  item: { code: `PC-${n % 5000}`, name: 'Portable Dell Latitude 5420' },
  duration: 'LONG', due: { date: '2026-03-27', time: '16:30', zone: 'Europe/Paris' }, department: 'info',
});

/** Publishes it as any lending system would: to JetStream, resolved once NATS has it. */
export async function publishLoan(js: JetStreamClient, n: number, channel: Channel): Promise<void> {
  const h = headers();
  for (const [key, value] of Object.entries({ specversion: '1.0', id: `created-${n}`, source: '/bench', type: 'AttributionCreated', subject: `loan-${n}`, time: ORIGIN })) h.set(`ce-${key}`, value);
  await js.publish('inbound.AttributionCreated', JSON.stringify(loanOut(n, channel)), { headers: h, timeout: 30_000 });
}

/** What the message says, for whoever sends without Rappel. */
export const mailOf = (n: number): { type: 'CREATION'; locale: string; firstName: string; lastName: string; duration: 'LONG'; items: { code: string; name: string; dueDate: string; dueTime: string }[] } => ({
  type: 'CREATION', locale: 'fr', firstName: 'Camille', lastName: 'Martin', duration: 'LONG',
  items: [{ code: `PC-${n % 5000}`, name: 'Portable Dell Latitude 5420', dueDate: '2026-03-27', dueTime: '16:30' }],
});
