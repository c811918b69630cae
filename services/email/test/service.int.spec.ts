import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { publicEvents } from '@rappel/contracts';
import { readState, type EventStore } from '@rappel/event-store';
import { createPostgresEventStore } from '@rappel/event-store-postgres';
import { createDatabase, freePort, startNats, startInbox, until, type Inbox, type NatsServer } from '@rappel/local-stack';
import { connectBus, createRelay, migrateMessaging, type Relay } from '@rappel/messaging';
import { notificationFold, notificationId, notificationStream, type Notification } from '@rappel/notification';
import { createScene } from '@rappel/notification/testing';
import { createPool, type Pool } from '@rappel/postgres';
import { createVault, migratePrivacy, sealing } from '@rappel/privacy';
import { createLogger, loadConfig, runService, STRATEGY, type RunningService } from '@rappel/service-kit';
import { createAuthority, type Authority } from '@rappel/tls/testing';
import { AppModule } from '../src/app.module.ts';
import { signBounce } from '../src/bounces.ts';
import { emailConfig } from '../src/config.ts';
import { createUnsubscribeLinks } from '../src/unsubscribe.ts';

const secret = 'a secret of the test';
const oldSecret = 'what was in force before';
const masterKey = randomBytes(32).toString('base64');
let inbox: Inbox;
let authority: Authority;
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
  const url = await createDatabase(process.env.TEST_POSTGRES_URL!, `email_${randomUUID().slice(0, 8)}`);
  authority = await createAuthority(join(natsFolder, 'authority'));
  inbox = await startInbox({ tls: await authority.issue('mail') });
  pool = createPool(url);
  await migratePrivacy(pool);
  await migrateMessaging(pool);
  store = sealing(await createPostgresEventStore({ connectionString: url }), createVault({ pool, masterKey }));
  scene = createScene({ store, now: () => new Date().toISOString() });
  const bus = await connectBus({ servers: nats.url, name: 'test' });
  stopBus = () => bus.close();
  relay = createRelay({
    store, pool, bus, stream: 'LOAN', categories: ['attribution'],
    name: 'email-test',
    announce: (event) => ({ subject: publicEvents.AttributionCreated.subject, event: { specversion: '1.0', id: event.id, source: '/test', type: event.type, subject: 'x', data: event.data } }),
  });
  const config = loadConfig(emailConfig, {
    NODE_ENV: 'test', LOG_LEVEL: 'warn', DATABASE_URL: url, NATS_URL: nats.url, RAPPEL_MASTER_KEY: masterKey, RAPPEL_AUTH: 'off', PORT: String(await freePort()),
    SMTP_HOST: inbox.smtpHost, SMTP_PORT: String(inbox.smtpPort), SMTP_FROM: '"Prêt, Campus" <pret@example.org>', SMTP_REQUIRE_TLS: 'true', SMTP_TLS_CA: authority.ca,
    CHANNEL_PROBE_MS: '200', RAPPEL_RETRY_DELAYS: '0.2', PUBLIC_URL: 'http://127.0.0.1:1', BOUNCE_WEBHOOK_SECRET: `${secret}, ${oldSecret}`,
  });
  service = await runService({ name: 'email', module: AppModule, config, logger: createLogger('email', config), strategies: (app) => [app.get(STRATEGY)] });
});
afterAll(async () => {
  await service?.stop();
  await relay?.close();
  await stopBus?.();
  await store?.close();
  await pool?.end();
  await nats?.stop();
  rmSync(natsFolder, { recursive: true, force: true });
  await inbox?.stop();
});

const becomes = (id: string, wanted: (state: Notification) => boolean): Promise<Notification> => until(`notification ${id}`, async () => {
  const { state } = await readState(store, notificationFold, notificationStream(id));
  return wanted(state) ? state : undefined;
});

const idOf = (attributionId: string): string => notificationId({ attributionId, dueVersion: 1, type: 'CREATION', occurrence: 1, channel: 'EMAIL' });

describe('the email service', () => {
  it('hears of a loan on the bus and sends one mail', async () => {
    await scene.borrower({ borrowerId: 'marie', email: 'marie@example.org' });
    await scene.lend('loan-1', 'marie');
    expect(await becomes(idOf('loan-1'), ({ phase }) => phase === 'accepted')).toMatchObject({ attempts: 1 });
    expect(await inbox.mails({ to: 'marie@example.org' })).toHaveLength(1);
  });

  it('takes a signed bounce, and the dead address is written to no more', async () => {
    const report = { messageId: `<${idOf('loan-1')}@example.org>`, kind: 'hard', status: '5.1.1' };
    const timestamp = String(Date.now());
    const signed = (by: string) => signBounce(by, timestamp, `${report.messageId}.hard.5.1.1`);
    const post = async (signature: string) => (await fetch(`${service.url}/webhooks/bounces`, { method: 'POST', body: JSON.stringify(report), headers: { 'content-type': 'application/json', 'x-rappel-timestamp': timestamp, 'x-rappel-signature': signature } })).status;
    const refused = async (reason: string) => Number(new RegExp(`^rappel_receipts_refused_total\\{reason="${reason}"\\} (\\d+)$`, 'm').exec(await (await fetch(`${service.url}/metrics`)).text())?.[1]);
    expect([await post('forged'), await post(signed('another secret of some length'))]).toEqual([403, 403]);
    expect([await refused('signature'), await refused('replayed')]).toEqual([2, 0]);
    // Who reports has the old secret still.
    expect(await post(signed(oldSecret))).toBe(204);
    expect(await refused('replayed')).toBe(0);
    expect([await post(signed(oldSecret)), await post(signed(secret))]).toEqual([409, 409]);
    expect([await refused('signature'), await refused('replayed')]).toEqual([2, 2]);
    expect(await becomes(idOf('loan-1'), ({ delivery }) => delivery === 'failed')).toMatchObject({ deliveryCode: '5.1.1' });
    await scene.lend('loan-2', 'marie');
    expect(await becomes(idOf('loan-2'), ({ phase }) => phase === 'skipped')).toMatchObject({ skipped: 'suppressed' });
  });

  it('stops the mails by one click, and never because somebody looked', async () => {
    await scene.borrower({ borrowerId: 'paul', email: 'paul@example.org' });
    const link = `${service.url}/unsubscribe/${createUnsubscribeLinks(masterKey).token('paul')}`;
    expect((await fetch(link)).status).toBe(200);
    await scene.lend('loan-3', 'paul');
    expect(await becomes(idOf('loan-3'), ({ phase }) => phase !== 'absent' && phase !== 'attempting')).toMatchObject({ phase: 'accepted' });
    const click = async () => (await fetch(link, { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'List-Unsubscribe=One-Click' })).status;
    expect([await click(), await click()]).toEqual([200, 200]);
    for (const method of ['GET', 'POST']) {
      const broken = await fetch(`${link}x`, { method });
      expect([broken.status, broken.headers.get('content-type'), (await broken.text()).includes('Lien inconnu')]).toEqual([404, 'text/html; charset=utf-8', true]);
    }
    await scene.lend('loan-4', 'paul');
    expect(await becomes(idOf('loan-4'), ({ phase }) => phase === 'skipped')).toMatchObject({ skipped: 'suppressed' });
    // Asked to have mails again, and thought better of it the same day.
    const consent = { borrowerId: 'paul', channel: 'EMAIL', why: 'asked at the desk' };
    expect(await (await fetch(`${service.url}/suppressions/release`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(consent) })).json()).toEqual({ released: true });
    expect(await click()).toBe(200);
    await scene.lend('loan-4b', 'paul');
    expect(await becomes(idOf('loan-4b'), ({ phase }) => phase === 'skipped')).toMatchObject({ skipped: 'suppressed' });
  });

  it('waits while an operator pauses it, and goes on', async () => {
    const post = async (path: string, body: object) => (await fetch(`${service.url}${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })).json() as Promise<Record<string, unknown>>;
    expect(await post('/channel/pause', { why: 'maintenance' })).toMatchObject({ state: { kind: 'paused' } });
    await scene.borrower({ borrowerId: 'anne', email: 'anne@example.org' });
    await scene.lend('loan-5', 'anne');
    expect(await becomes(idOf('loan-5'), ({ phase }) => phase === 'ready')).toMatchObject({ waiting: { reason: 'paused' }, attempts: 0 });
    expect(await post('/channel/resume', {})).toMatchObject({ state: { kind: 'open' } });
    await becomes(idOf('loan-5'), ({ phase }) => phase === 'accepted');
    expect(await post('/replay', { filter: { class: 'CONTENT' }, why: 'counting' })).toMatchObject({ matching: 0 });
    expect(await (await fetch(`${service.url}/health/ready`)).json()).toMatchObject({ checks: { 'channel-email': 'up' } });
  });

  it('waits while the mail server shows a bad certificate, says what to do, and goes on by itself once that is mended', async () => {
    const certified = async (name: string, until: number) => {
      const { smtpPort } = inbox;
      await inbox.stop();
      inbox = await startInbox({ smtpPort, tls: await authority.issue(name, { until: new Date(Date.now() + until) }) });
    };
    await certified('expired', -60_000);
    await scene.borrower({ borrowerId: 'lea', email: 'lea@example.org' });
    for (const loan of ['loan-6', 'loan-7']) await scene.lend(loan, 'lea');
    for (const loan of ['loan-6', 'loan-7']) await becomes(idOf(loan), ({ phase, waiting }) => phase === 'ready' && waiting?.reason === 'paused');
    expect(await (await fetch(`${service.url}/channel`)).json()).toMatchObject({ state: { kind: 'paused', by: 'provider', code: 'CERT_HAS_EXPIRED', text: expect.stringContaining('renewed') } });
    await certified('renewed', 86_400_000);
    for (const loan of ['loan-6', 'loan-7']) await becomes(idOf(loan), ({ phase }) => phase === 'accepted');
    const mails = await inbox.mails({ to: 'lea@example.org' });
    expect(mails).toHaveLength(2);
    expect(mails[0]!.from).toBe('"Prêt, Campus" <pret@example.org>');
  });
});
