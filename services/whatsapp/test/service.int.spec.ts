import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { publicEvents } from '@rappel/contracts';
import { readState, type EventStore } from '@rappel/event-store';
import { createPostgresEventStore } from '@rappel/event-store-postgres';
import { createDatabase, startNats, startTwilioSimulator, type NatsServer, type TwilioSimulator } from '@rappel/local-stack';
import { connectBus, createRelay, migrateMessaging, type Relay } from '@rappel/messaging';
import { notificationFold, notificationId, notificationStream, type Notification } from '@rappel/notification';
import { createScene } from '@rappel/notification/testing';
import { createPool, type Pool } from '@rappel/postgres';
import { createVault, migratePrivacy, sealing } from '@rappel/privacy';
import { createLogger, loadConfig, runService, STRATEGY, type RunningService } from '@rappel/service-kit';
import { AppModule } from '../src/app.module.ts';
import { whatsappConfig } from '../src/config.ts';

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => { server.close(resolve); });
  return port;
}

const masterKey = randomBytes(32).toString('base64');
let twilio: TwilioSimulator;
// A NATS of its own: other specs have a stream of the same name.
let nats: NatsServer;
const natsFolder = mkdtempSync(join(tmpdir(), 'rappel-nats-'));
let service: RunningService;
let store: EventStore;
let pool: Pool;
let relay: Relay;
let stopBus: () => Promise<void>;
let scene: ReturnType<typeof createScene>;

beforeAll(async () => {
  nats = await startNats({ storeDir: natsFolder, durable: false });
  const url = await createDatabase(process.env.TEST_POSTGRES_URL!, `whatsapp_${randomUUID().slice(0, 8)}`);
  twilio = await startTwilioSimulator({ settings: { statusDelayMs: 5 } });
  pool = createPool(url);
  await migratePrivacy(pool);
  await migrateMessaging(pool);
  store = sealing(await createPostgresEventStore({ connectionString: url }), createVault({ pool, masterKey }));
  scene = createScene({ store, now: () => new Date().toISOString() });
  const bus = await connectBus({ servers: nats.url, name: 'test' });
  stopBus = () => bus.close();
  relay = createRelay({
    store, pool, bus, stream: 'LOAN', categories: ['attribution'],
    announce: (event) => ({ subject: publicEvents.AttributionCreated.subject, event: { specversion: '1.0', id: event.id, source: '/test', type: event.type, subject: 'x', data: event.data } }),
  });
  const config = loadConfig(whatsappConfig, {
    NODE_ENV: 'test', LOG_LEVEL: 'warn', DATABASE_URL: url, NATS_URL: nats.url, RAPPEL_MASTER_KEY: masterKey, RAPPEL_AUTH: 'off', PORT: String(await freePort()),
    TWILIO_ACCOUNT_SID: twilio.accountSid, TWILIO_AUTH_TOKEN: twilio.authToken, TWILIO_WHATSAPP_FROM: '+14155238886', TWILIO_BASE_URL: twilio.url, RAPPEL_PREFERRED_CHANNEL: 'WHATSAPP',
  });
  service = await runService({ name: 'whatsapp', module: AppModule, config, logger: createLogger('whatsapp', config), strategies: (app) => [app.get(STRATEGY)] });
});
afterAll(async () => {
  await service?.stop();
  await relay?.close();
  await stopBus?.();
  await store?.close();
  await pool?.end();
  await nats?.stop();
  rmSync(natsFolder, { recursive: true, force: true });
  await twilio?.stop();
});

async function until(id: string, wanted: (state: Notification) => boolean): Promise<Notification> {
  for (;;) {
    const { state } = await readState(store, notificationFold, notificationStream(id));
    if (wanted(state)) return state;
    await new Promise((resolve) => { setTimeout(resolve, 50); });
  }
}

describe('the WhatsApp service', () => {
  it('hears of a loan on the bus, sends one message and takes its signed receipts', async () => {
    await scene.borrower({ borrowerId: 'jean', phone: '06 12 34 56 78', email: 'jean@example.org' });
    await scene.lend('loan-1', 'jean');
    const id = notificationId({ attributionId: 'loan-1', dueVersion: 1, type: 'CREATION', occurrence: 1, channel: 'WHATSAPP' });
    const state = await until(id, ({ delivery }) => delivery === 'read');
    expect(state).toMatchObject({ phase: 'accepted', attempts: 1, providerId: twilio.messages()[0]!.sid });
    expect(twilio.messages()).toHaveLength(1);
    expect(twilio.messages()[0]).toMatchObject({ to: '+33612345678', answered: '201' });
  });

  it('refuses a receipt without Twilio’s signature', async () => {
    const answer = await fetch(`${service.url}/webhooks/twilio/status?n=${randomUUID()}`, { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded', 'x-twilio-signature': 'forged' }, body: 'MessageSid=SM1&MessageStatus=read' });
    expect(answer.status).toBe(403);
  });

  it('is ready', async () => {
    expect(await (await fetch(`${service.url}/health/ready`)).json()).toMatchObject({ checks: { 'channel-whatsapp': 'up' } });
  });
});
