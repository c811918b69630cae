import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { publicEvents } from '@rappel/contracts';
import { readState, type EventStore } from '@rappel/event-store';
import { createPostgresEventStore } from '@rappel/event-store-postgres';
import { createDatabase, freePort, startNats, startTwilioSimulator, until, type NatsServer, type TwilioSimulator } from '@rappel/local-stack';
import { connectBus, createRelay, migrateMessaging, type Relay } from '@rappel/messaging';
import { notificationFold, notificationId, notificationStream, type Notification } from '@rappel/notification';
import { createScene } from '@rappel/notification/testing';
import { createPool, type Pool } from '@rappel/postgres';
import { createVault, migratePrivacy, sealing } from '@rappel/privacy';
import { createLogger, loadConfig, runService, STRATEGY, type RunningService } from '@rappel/service-kit';
import { getExpectedTwilioSignature } from 'twilio/lib/webhooks/webhooks.js';
import { AppModule } from '../src/app.module.ts';
import { whatsappConfig } from '../src/config.ts';

const masterKey = randomBytes(32).toString('base64');
// What was in force until a change that is under way.
const [OLD_TOKEN, OLD_URL] = ['0123456789abcdef0123456789abcdef', 'https://old.example.org'];
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
  const port = await freePort();
  const config = loadConfig(whatsappConfig, {
    NODE_ENV: 'test', LOG_LEVEL: 'warn', DATABASE_URL: url, NATS_URL: nats.url, RAPPEL_MASTER_KEY: masterKey, RAPPEL_AUTH: 'off', PORT: String(port),
    TWILIO_ACCOUNT_SID: twilio.accountSid, TWILIO_AUTH_TOKEN: `${twilio.authToken},${OLD_TOKEN}`, TWILIO_WHATSAPP_FROM: '+14155238886', TWILIO_BASE_URL: twilio.url, PUBLIC_URL: `http://127.0.0.1:${port},${OLD_URL}`, RAPPEL_PREFERRED_CHANNEL: 'WHATSAPP', CHANNEL_PROBE_MS: '500,1000',
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

const becomes = (id: string, wanted: (state: Notification) => boolean): Promise<Notification> => until(`notification ${id}`, async () => {
  const { state } = await readState(store, notificationFold, notificationStream(id));
  return wanted(state) ? state : undefined;
});
const idOf = (attributionId: string): string => notificationId({ attributionId, dueVersion: 1, type: 'CREATION', occurrence: 1, channel: 'WHATSAPP' });

/** A call as Twilio makes it. */
async function callBack(path: string, form: Record<string, string>, token = twilio.authToken): Promise<number> {
  const url = `${service.url}${path}`;
  const answer = await fetch(url, {
    method: 'POST', body: new URLSearchParams(form),
    headers: { 'content-type': 'application/x-www-form-urlencoded', 'x-twilio-signature': getExpectedTwilioSignature(token, url, form) },
  });
  return answer.status;
}

/** How many webhooks were refused so far. */
async function refused(what: 'receipts' | 'replies', reason: 'signature' | 'replayed' | 'unknown'): Promise<number> {
  const text = await (await fetch(`${service.url}/metrics`)).text();
  return Number(new RegExp(`^rappel_${what}_refused_total\\{reason="${reason}"\\} (\\d+)$`, 'm').exec(text)?.[1]);
}

describe('the WhatsApp service', () => {
  it('hears of a loan on the bus, sends one message and takes its signed receipts', async () => {
    await scene.borrower({ borrowerId: 'jean', phone: '06 12 34 56 78', email: 'jean@example.org' });
    await scene.lend('loan-1', 'jean');
    const state = await becomes(idOf('loan-1'), ({ delivery }) => delivery === 'read');
    expect(state).toMatchObject({ phase: 'accepted', attempts: 1, providerId: twilio.messages()[0]!.sid });
    expect(twilio.messages()).toHaveLength(1);
    expect(twilio.messages()[0]).toMatchObject({ to: '+33612345678', answered: '201' });
    await until('sent, delivered and read are all answered', async () => twilio.callbacks().filter(({ answer }) => answer === '204').length === 3 || undefined);
  });

  it('refuses a receipt without Twilio’s signature', async () => {
    const answer = await fetch(`${service.url}/webhooks/twilio/status?n=${randomUUID()}`, { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded', 'x-twilio-signature': 'forged' }, body: 'MessageSid=SM1&MessageStatus=read' });
    expect(answer.status).toBe(403);
    expect(await refused('receipts', 'signature')).toBe(1);
  });

  it('refuses a receipt that is replayed, however old, and counts it; moved to another notification or status it is forged', async () => {
    const { statusCallback, sid } = twilio.messages()[0]!;
    const stream = notificationStream(notificationId({ attributionId: 'loan-1', dueVersion: 1, type: 'CREATION', occurrence: 1, channel: 'WHATSAPP' }));
    const form = { MessageSid: sid, MessageStatus: 'read' };
    const signature = getExpectedTwilioSignature(twilio.authToken, statusCallback!, form);
    const post = async (url: string, body: Record<string, string>) => (await fetch(url, { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded', 'x-twilio-signature': signature }, body: new URLSearchParams(body).toString() })).status;
    const [before, replayed, forged] = [await store.readStream(stream), await refused('receipts', 'replayed'), await refused('receipts', 'signature')];
    expect(await post(statusCallback!, form)).toBe(409);
    expect(await post(statusCallback!, form)).toBe(409);
    expect(await store.readStream(stream)).toEqual(before);
    expect(await refused('receipts', 'replayed')).toBe(replayed + 2);
    expect(await post(statusCallback!.replace('loan-1', 'loan-2'), form)).toBe(403);
    expect(await post(statusCallback!, { ...form, MessageStatus: 'failed' })).toBe(403);
    expect(await refused('receipts', 'signature')).toBe(forged + 2);
    expect(await store.readStream(stream)).toEqual(before);
  });

  it('keeps nothing of a signed receipt about a message that it never sent, and counts it', async () => {
    const { statusCallback, sid } = twilio.messages()[0]!;
    const elsewhere = randomUUID();
    const path = statusCallback!.slice(service.url.length).replace(idOf('loan-1'), elsewhere);
    expect(await refused('receipts', 'unknown')).toBe(0);
    expect(await callBack(path, { MessageSid: sid, MessageStatus: 'undelivered', ErrorCode: '63007' })).toBe(404);
    expect(await store.readStream(notificationStream(elsewhere))).toEqual([]);
    expect(await refused('receipts', 'unknown')).toBe(1);
  });

  it('keeps nothing of a receipt that cannot be an id, a status or a code of Twilio’s', async () => {
    const { statusCallback, sid } = twilio.messages()[0]!;
    const path = statusCallback!.slice(service.url.length);
    const stream = notificationStream(idOf('loan-1'));
    const before = await store.readStream(stream);
    for (const odd of [{ MessageSid: 'S'.repeat(5000), MessageStatus: 'sent' }, { MessageSid: `${sid}\u0000`, MessageStatus: 'failed' }, { MessageSid: sid, MessageStatus: 'teleported' }, { MessageSid: sid }, {}]) {
      expect(await callBack(path, odd as unknown as Record<string, string>)).toBe(204);
    }
    expect(await store.readStream(stream)).toEqual(before);
    expect(await callBack(path, { MessageSid: sid, MessageStatus: 'undelivered', ErrorCode: 'x'.repeat(9000) })).toBe(204);
    expect((await readState(store, notificationFold, stream)).state).toMatchObject({ delivery: 'read', deliveryCode: undefined });
  });

  describe('a borrower who writes back', () => {
    const reply = (Body: string, more: Record<string, string> = {}) => ({ From: 'whatsapp:+33698765432', To: 'whatsapp:+14155238886', Body, MessageSid: `SM${randomUUID()}`, ...more });
    it('STOP is written to no more, and START again', async () => {
      await scene.borrower({ borrowerId: 'stefan', phone: '06 98 76 54 32' });
      const stop = reply(' Arrêt ! ');
      expect(await callBack('/webhooks/twilio/replies', stop)).toBe(204);
      await scene.lend('reply-1', 'stefan');
      expect(await becomes(idOf('reply-1'), ({ phase }) => phase === 'skipped')).toMatchObject({ skipped: 'suppressed' });
      expect(await callBack('/webhooks/twilio/replies', reply('START'))).toBe(204);
      // Somebody sends the first reply once more, late: it would take the new consent back.
      const replayed = await refused('replies', 'replayed');
      expect(await callBack('/webhooks/twilio/replies', stop)).toBe(409);
      expect(await refused('replies', 'replayed')).toBe(replayed + 1);
      await scene.lend('reply-2', 'stefan');
      await becomes(idOf('reply-2'), ({ phase }) => phase === 'accepted');
      expect(await callBack('/webhooks/twilio/replies', reply('x', { OptOutType: 'STOP' }))).toBe(204);
      await scene.lend('reply-3', 'stefan');
      expect(await becomes(idOf('reply-3'), ({ phase }) => phase === 'skipped')).toMatchObject({ skipped: 'suppressed' });
      expect((await store.readStream('suppression-stefan')).map(({ type }) => type)).toEqual(['ChannelSuppressed', 'ChannelReleased', 'ChannelSuppressed']);
      expect(JSON.stringify(await store.readStream('suppression-stefan'))).not.toContain('98765432');
    });

    it('from a new number counts by the number they have now', async () => {
      await scene.borrower({ borrowerId: 'stefan', phone: '0611111111' });
      await scene.borrower({ borrowerId: 'nora', phone: '+33698765432' });
      expect(await callBack('/webhooks/twilio/replies', reply('STOP'))).toBe(204);
      expect((await store.readStream('suppression-nora')).map(({ type }) => type)).toEqual(['ChannelSuppressed']);
      expect(await store.readStream('suppression-stefan')).toHaveLength(3);
    });

    it('anything else changes nothing, and nobody but Twilio is believed', async () => {
      await scene.borrower({ borrowerId: 'ada', phone: '+33677777777' });
      const from = { From: 'whatsapp:+33677777777' };
      for (const form of ([reply('merci, à demain', from), reply('STOP', { From: 'whatsapp:+33600000000' }), reply('STOP', { From: 'nobody' }), { Body: 'STOP' }, { To: 'whatsapp:+14155238886' }] as Record<string, string>[])) expect(await callBack('/webhooks/twilio/replies', form)).toBe(204);
      expect(await callBack('/webhooks/twilio/replies', reply('STOP', from), 'another token')).toBe(403);
      expect((await fetch(`${service.url}/webhooks/twilio/replies`, { method: 'POST', body: new URLSearchParams(reply('STOP', from)) })).status).toBe(403);
      expect((await fetch(`${service.url}/webhooks/twilio/replies`, { method: 'POST', body: '{"Body":"STOP"}', headers: { 'content-type': 'application/json' } })).status).toBe(415);
      expect(await store.readStream('suppression-ada')).toEqual([]);
    });
  });

  describe('a receipt that says why a message did not arrive', () => {
    const channel = async () => (await (await fetch(`${service.url}/channel`)).json() as { state: { kind: string } }).state;
    it('leaves alone from then on who does not want to be written to', async () => {
      await scene.borrower({ borrowerId: 'olga', phone: '0644444444' });
      twilio.behave('+33644444444', { fail: 63014 });
      await scene.lend('olga-1', 'olga');
      await becomes(idOf('olga-1'), ({ delivery }) => delivery === 'undelivered');
      await until('the refusal is remembered', async () => (await store.readStream('suppression-olga')).length || undefined);
      await scene.lend('olga-2', 'olga');
      expect(await becomes(idOf('olga-2'), ({ phase }) => phase === 'skipped')).toMatchObject({ skipped: 'suppressed' });
      expect(await channel()).toMatchObject({ kind: 'open' });
    });

    it('pauses the channel when it is our configuration; a message that arrives ends it', async () => {
      await scene.borrower({ borrowerId: 'paul', phone: '0655555555' });
      twilio.behave('+33655555555', { fail: 63007, times: 1 });
      await scene.lend('paul-1', 'paul');
      const paused = await until('the pause', async () => { const state = await channel(); return state.kind === 'paused' ? state : undefined; });
      expect(paused).toMatchObject({ by: 'receipt', code: '63007' });
      await scene.lend('paul-2', 'paul');
      expect(await becomes(idOf('paul-2'), ({ phase }) => phase === 'ready')).toMatchObject({ waiting: { reason: 'paused' }, attempts: 0 });
      expect(await (await fetch(`${service.url}/health/ready`)).json()).toMatchObject({ checks: { 'channel-whatsapp': 'down' } });
      expect(await (await fetch(`${service.url}/metrics`)).text()).toMatch(/rappel_channel_open\{channel="WHATSAPP"\} 0/);
      // The probe is taken and arrives.
      await becomes(idOf('paul-2'), ({ delivery }) => delivery === 'read');
      await until('it is open', async () => (await channel()).kind === 'open' || undefined);
    });
  });

  it('takes receipts of either token and either address while these are changed', async () => {
    const { statusCallback } = twilio.messages()[0]!;
    const { pathname, search } = new URL(statusCallback!);
    const sign = async (base: string, token: string, sid: string) => {
      const form = { MessageSid: sid, MessageStatus: 'delivered' };
      const signature = getExpectedTwilioSignature(token, new URL(pathname + search, base).href, form);
      return (await fetch(statusCallback!, { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded', 'x-twilio-signature': signature }, body: new URLSearchParams(form).toString() })).status;
    };
    for (const base of [service.url, OLD_URL]) for (const token of [twilio.authToken, OLD_TOKEN]) expect([base, token, await sign(base, token, `SM${randomUUID()}`)]).toEqual([base, token, 204]);
    expect(await sign('https://elsewhere.example.org', OLD_TOKEN, 'SM1')).toBe(403);
    expect(await sign(OLD_URL, `${twilio.authToken},${OLD_TOKEN}`, 'SM1')).toBe(403);
  });

  it('is ready', async () => {
    expect(await (await fetch(`${service.url}/health/ready`)).json()).toMatchObject({ checks: { 'channel-whatsapp': 'up' } });
  });
});
