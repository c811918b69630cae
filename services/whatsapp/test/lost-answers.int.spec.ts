import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { readState, type EventStore } from '@rappel/event-store';
import { createPostgresEventStore } from '@rappel/event-store-postgres';
import { createDatabase, startTwilioSimulator, until, type TwilioSimulator } from '@rappel/local-stack';
import { createGate, createPostgresWaiting, defaultDeliveryConfig, deliver, migrateDelivery, notificationFold, notificationId, notificationStream, unlimited, workOnce, type DeliveryConfig, type DeliveryDependencies, type Notification, type Outgoing } from '@rappel/notification';
import { createScene } from '@rappel/notification/testing';
import { createPool, type Pool } from '@rappel/postgres';
import { parseConfig } from '@rappel/service-kit';
import { createRenderer } from '@rappel/templates';
import { createTwilioClient } from '../src/client.ts';
import { whatsappConfig } from '../src/config.ts';
import { createTwilioProvider } from '../src/twilio.ts';

// On the unchanged SDK, a real PostgreSQL and the Twilio simulator.
let twilio: TwilioSimulator;
let pool: Pool;
let store: EventStore;
const renderer = createRenderer();
const now = (): string => new Date().toISOString();

beforeAll(async () => {
  const url = await createDatabase(process.env.TEST_POSTGRES_URL!, `lost_answers_${randomUUID().slice(0, 8)}`);
  pool = createPool(url);
  await migrateDelivery(pool);
  store = await createPostgresEventStore({ connectionString: url });
  twilio = await startTwilioSimulator({ settings: { statusDelayMs: 5 } });
});
afterAll(async () => {
  await store?.close();
  await pool?.end();
  await twilio?.stop();
});
beforeEach(async () => { await pool.query('TRUNCATE delivery.waiting'); });

let run = 0;
function whatsapp(environment: Record<string, string> = {}) {
  const config = parseConfig(whatsappConfig, {
    DATABASE_URL: 'postgres://unused', RAPPEL_MASTER_KEY: Buffer.alloc(32).toString('base64'), TWILIO_TIMEOUT_MS: '2000', TWILIO_SETTLE_MS: '300', DELIVERY_LEASE_MS: '30000',
    TWILIO_ACCOUNT_SID: twilio.accountSid, TWILIO_AUTH_TOKEN: twilio.authToken, TWILIO_WHATSAPP_FROM: 'whatsapp:+14155238886', TWILIO_BASE_URL: twilio.url, ...environment,
  });
  const provider = createTwilioProvider({ client: createTwilioClient(config), config, renderer, onUnlisted: () => undefined });
  const channel = 'WHATSAPP' as const;
  // Each case has a channel of its own to pause.
  const gate = createGate({ store, channel: `WHATSAPP-${++run}` as 'WHATSAPP', limiter: unlimited, realNow: now, newId: randomUUID });
  const deps: DeliveryDependencies = {
    channel, store, provider, gate, waiting: createPostgresWaiting(pool, channel), newId: randomUUID,
    clock: { now, realMsUntil: (at) => Date.parse(at) - Date.now() }, realNow: now,
    open: async (personal) => personal, sleep: async () => undefined, note: () => undefined,
    config: { ...defaultDeliveryConfig, leaseMs: config.DELIVERY_LEASE_MS, retry: { attempts: 3, delays: [60, 300] }, channels: { preferred: channel } },
  };
  const scene = createScene({ store, now });
  const state = async (loan: string): Promise<Notification> => {
    const id = notificationId({ attributionId: loan, dueVersion: 1, type: 'CREATION', occurrence: 1, channel });
    return (await readState(store, notificationFold, notificationStream(id))).state;
  };
  return {
    deps,
    async send(phone: string): Promise<Notification> {
      const [loan, borrowerId] = [`loan-${run}`, `borrower-${run}`];
      await scene.borrower({ borrowerId, phone });
      await deliver(deps, await scene.lend(loan, borrowerId));
      return state(loan);
    },
    /** Works off what is due, with changed settings if given, until the notification is as wanted. */
    until: (wanted: (state: Notification) => boolean, changed: Partial<DeliveryConfig> = {}): Promise<Notification> => until('the notification', async () => {
      await workOnce({ ...deps, config: { ...deps.config, ...changed } });
      const found = await state(`loan-${run}`);
      return wanted(found) ? found : undefined;
    }),
  };
}

function messageTo(recipient: string): Omit<Outgoing, 'attemptId'> {
  const about = { notificationId: randomUUID(), attributionId: 'loan', borrowerId: 'jean', type: 'CREATION', channel: 'WHATSAPP', dueVersion: 1, occurrence: 1 } as const;
  return { notificationId: about.notificationId, about, borrowerId: 'jean', recipient, grouped: false, model: { type: 'CREATION', locale: 'fr', firstName: 'Jean', items: [{ code: 'PERC-001', name: 'Perceuse Bosch', dueDate: '2026-12-10' }], duration: 'LONG' } };
}

describe('when Twilio’s answer is lost', () => {
  const to = (digits: string): string => `+3363998${digits}`;
  it.each([['hangs after it accepted', '4000'], ['answers 500 after it accepted', '4001'], ['resets after it accepted', '4002']])('%s: found in its list, not sent again', async (_, digits) => {
    const service = whatsapp();
    const before = twilio.messages().length;
    expect(await service.send(to(digits))).toMatchObject({ phase: 'unknown' });
    expect(await service.until(({ phase }) => phase === 'accepted')).toMatchObject({ attempts: 1, providerId: twilio.messages().at(-1)!.sid });
    expect(twilio.messages()).toHaveLength(before + 1);
  });

  it.each([['answers 500 before it accepted', '4003'], ['resets before it accepted', '4004']])('%s: sent again once the list has nothing', async (_, digits) => {
    const service = whatsapp();
    const before = twilio.messages().length;
    expect(await service.send(to(digits))).toMatchObject({ phase: 'unknown' });
    expect(await service.until(({ phase }) => phase === 'accepted')).toMatchObject({ attempts: 2 });
    expect(twilio.messages()).toHaveLength(before + 1);
  });

  it('is found in the list though the words of the house were changed since', async () => {
    const number = '+33612340001';
    twilio.behave(number, { fault: '500-after-accept', times: 1 });
    const service = whatsapp();
    expect(await service.send(number)).toMatchObject({ phase: 'unknown' });
    expect(await service.until(({ phase }) => phase === 'accepted', { house: { sender: 'Another house', contact: '01 02 03 04 05' } })).toMatchObject({ attempts: 1 });
    expect(twilio.messages().filter(({ to }) => to === number)).toHaveLength(1);
  });

  it.each([['a new connection', false], ['a connection used before', true]])('frozen over its lease on the way to %s, sends nothing', async (_, used) => {
    const { provider } = whatsapp().deps;
    const outgoing = { ...messageTo('+33612340002'), attemptId: randomUUID() };
    if (used) expect(await provider.send(outgoing, '2999-01-01T00:00:00.000Z')).toMatchObject({ kind: 'accepted' });
    const before = twilio.messages().length;
    const sending = provider.send(outgoing, new Date(Date.now() + 50).toISOString());
    // The process stands still, as after SIGSTOP.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
    expect(await sending).toMatchObject({ kind: 'failed', failure: { class: 'TRANSIENT', code: 'ELEASE' } });
    expect(twilio.messages()).toHaveLength(before);
    expect(await provider.send(outgoing, '2999-01-01T00:00:00.000Z')).toMatchObject({ kind: 'accepted' });
  });

  it('tries later when nobody listens', async () => {
    const notification = await whatsapp({ TWILIO_BASE_URL: 'http://127.0.0.1:9' }).send('+33612345678');
    expect(notification).toMatchObject({ phase: 'ready', error: { class: 'TRANSIENT', code: 'ECONNREFUSED' } });
  });
});
