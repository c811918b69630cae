import { headers, type NatsConnection } from '@nats-io/nats-core';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { EventStore } from '@rappel/event-store';
import { startStack, until, type Service, type Stack } from '@rappel/local-stack';
import { connectBus } from '@rappel/messaging';
import { createPool, type Pool } from '@rappel/postgres';
import { openEventStore } from '@rappel/service-kit';

let stack: Stack;
let loan: Service;
let upstream: NatsConnection;
let pool: Pool;
let store: EventStore;

beforeAll(async () => {
  stack = await startStack({ inbox: false, twilio: false, env: { RAPPEL_AUTH: 'off' } });
  // Loan hears from the scheduler's stream, which the scheduler makes.
  [loan] = await Promise.all([stack.startService('loan'), stack.startService('scheduler')]);
  upstream = await connectBus({ servers: stack.nats!.url, name: 'upstream', inboxPrefix: '_INBOX_upstream', ...stack.natsLogin('upstream') });
  pool = createPool(stack.env['DATABASE_URL']!);
  store = await openEventStore(stack.env['EVENT_STORE_URL']!);
}, 120_000);
afterAll(async () => {
  await Promise.allSettled([upstream?.close(), pool?.end(), store?.close()]);
  await stack?.stop();
});

/** A local date of the real clock, which the services go by: a loan that is overdue has a story of its own. */
const inDays = (days: number): string => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
const [DUE, LATER] = [inDays(45), inDays(60)];
const creation = (attributionId: string) => ({
  attributionId, borrower: { id: 'B-1', firstName: 'Zoé', email: 'zoe.secret@example.org', phone: '0639980001' },
  item: { code: 'PERC-001', name: 'Perceuse Bosch' }, duration: 'LONG', due: { date: DUE },
});
const binary = (id: string, type: string) => {
  const h = headers();
  for (const [name, value] of Object.entries({ specversion: '1.0', id, type, source: '/test' })) h.set(`ce-${name}`, value);
  return h;
};
const structured = (() => {
  const h = headers();
  h.set('content-type', 'application/cloudevents+json');
  return h;
})();
const request = async (id: string, type: string, data: object) =>
  (await upstream.request(`inbound.${type}`, JSON.stringify(data), { headers: binary(id, type), timeout: 20_000 })).json<Record<string, unknown>>();

const deadLetter = (subject: string) => until(`dead letter of ${subject}`, async () => (await pool.query<{ reason: string; deliveries: number }>('SELECT reason, deliveries FROM messaging.dead_letters WHERE subject = $1', [subject])).rows[0]);
const eventTypes = async (stream: string) => (await store.readStream(stream)).map(({ type }) => type);

test('a request is answered once the store has it, and the same event again changes nothing', async () => {
  expect(await request('e-1', 'AttributionCreated', creation('L-1'))).toMatchObject({ id: 'L-1', version: 1, duplicate: false });
  expect(await eventTypes('attribution-L-1')).toEqual(['AttributionCreated']);
  expect(await request('e-1', 'AttributionCreated', creation('L-1'))).toMatchObject({ id: 'L-1', duplicate: true });
});

test('a plain structured publish is stored too', async () => {
  const event = { specversion: '1.0', id: 'e-2', source: '/test', type: 'AttributionCreated', data: creation('L-2') };
  upstream.publish('inbound.anything', JSON.stringify(event), { headers: structured });
  await until('loan L-2', async () => ((await eventTypes('attribution-L-2')).length === 1 ? true : undefined));
});

test('what is published about a loan in a row is stored in that order, whether or not the event names the loan as its subject', async () => {
  const days = Array.from({ length: 10 }, (_, day) => `2027-03-${String(day + 1).padStart(2, '0')}`);
  await request('e-8', 'AttributionCreated', creation('L-8'));
  for (const [n, date] of days.entries()) {
    const [id, type, data] = [`e-8-${n}`, 'AttributionRescheduled', { attributionId: 'L-8', due: { date } }];
    if (n % 2 === 0) upstream.publish(`inbound.${type}`, JSON.stringify(data), { headers: binary(id, type) });
    else upstream.publish(`inbound.${type}`, JSON.stringify({ specversion: '1.0', id, source: '/test', type, subject: 'L-8', data }), { headers: structured });
  }
  const moved = await until('ten due moments', async () => {
    const [, ...later] = await store.readStream('attribution-L-8');
    return later.length === days.length ? later : undefined;
  });
  expect(moved.map(({ data }) => (data as { loan: { due: { date: string } } }).loan.due.date)).toEqual(days);
});

test('what cannot be understood is refused by name and kept among the dead letters', async () => {
  expect(await request('e-3', 'AttributionCreated', { ...creation('L-3'), duration: 'FOREVER' })).toMatchObject({ error: { code: 400, issues: [{ path: 'duration' }] } });
  expect((await deadLetter('inbound.AttributionCreated')).reason).toContain('invalid AttributionCreated');
  upstream.publish('inbound.garbage', 'not a CloudEvent at all');
  expect((await deadLetter('inbound.garbage')).deliveries).toBe(1);
  expect(await request('e-4', 'AttributionReturned', { attributionId: 'nobody-knows-it' })).toMatchObject({ error: { code: 400, message: expect.stringContaining('not known') } });
  // And is not carried out all the same once the loan is there.
  await deadLetter('inbound.AttributionReturned');
  await request('e-5', 'AttributionCreated', creation('nobody-knows-it'));
  expect(await eventTypes('attribution-nobody-knows-it')).toEqual(['AttributionCreated']);
});

test('the HTTP commands do the same, and refuse by the same rules', async () => {
  const post = (path: string, body: object) => fetch(`${loan.url}/${path}`, { method: 'POST', headers: { 'content-type': 'application/json', 'idempotency-key': path }, body: JSON.stringify(body) });
  expect((await post('attributions', creation('L-4'))).status).toBe(201);
  expect(await store.readStream('attribution-L-4')).toMatchObject([{ metadata: { correlationId: 'attributions' } }]);
  expect(await (await post('attributions/L-4/reschedule', { due: { date: LATER } })).json()).toMatchObject({ version: 2, duplicate: false });
  expect(await (await post('attributions/L-4/reschedule', { due: { date: LATER } })).json()).toMatchObject({ duplicate: true });
  expect((await post('attributions/L-4/return', {})).status).toBe(200);
  expect((await post('attributions/L-4/cancel', {})).status).toBe(409);
  expect((await post('attributions/L-5/return', {})).status).toBe(404);
  expect((await post('attributions', { ...creation('L-6'), due: { date: 'tomorrow' } })).status).toBe(400);
});

test('names and addresses are sealed in the store', async () => {
  const events = await store.readAll();
  expect(events.length).toBeGreaterThan(3);
  for (const event of events) expect(JSON.stringify(event)).not.toMatch(/Zoé|zoe\.secret|39980001/);
});

test('killed and started again it goes on', async () => {
  await loan.kill();
  upstream.publish('inbound.AttributionCreated', JSON.stringify(creation('L-7')), { headers: binary('e-7', 'AttributionCreated') });
  await upstream.flush();
  await loan.restart();
  await until('loan L-7', async () => ((await eventTypes('attribution-L-7')).length === 1 ? true : undefined));
}, 120_000);
