import { execFile } from 'node:child_process';
import { generateKeyPairSync, randomBytes, randomUUID, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createApiKey, migrateAuth, revokeApiKey } from '@rappel/auth';
import type { EventStore, NewEvent } from '@rappel/event-store';
import { createPostgresEventStore } from '@rappel/event-store-postgres';
import { createDatabase, until as comesAbout } from '@rappel/local-stack';
import { connectBus } from '@rappel/messaging';
import { notificationStream } from '@rappel/notification';
import { createPool, type Pool } from '@rappel/postgres';
import { createVault, migratePrivacy, sealing, type Vault } from '@rappel/privacy';
import { rebuildLog, verifyLog } from '@rappel/read-model';
import { createLogger, parseConfig, runService, type RunningService } from '@rappel/service-kit';
import { csv } from '../src/api/export.ts';
import type { Notification } from '../src/api/schemas.ts';
import { AppModule } from '../src/app.module.ts';
import { logConfig } from '../src/config.ts';

let [service, store, pool, vault]: [RunningService?, EventStore?, Pool?, Vault?] = [];
const token = { reader: '', personal: '' };

// Who signs tokens in people's place.
const issuerKeys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const issuer: Server = createServer((_, response) => response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: [{ ...issuerKeys.publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'ES256' }] })));
function signedIn(seconds: number): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const content = `${part({ alg: 'ES256', kid: 'k1' })}.${part({ iss: 'https://issuer.example.org', aud: 'rappel', sub: 'ann', scope: 'log:read', exp: Math.floor(Date.now() / 1000) + seconds })}`;
  return `${content}.${sign('sha256', Buffer.from(content), { key: issuerKeys.privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

beforeAll(async () => {
  const url = await createDatabase(process.env.TEST_POSTGRES_URL!, `log_api_${randomUUID().slice(0, 8)}`);
  pool = createPool(url);
  await Promise.all([migratePrivacy(pool), migrateAuth(pool)]);
  const masterKey = randomBytes(32).toString('base64');
  vault = createVault({ pool, masterKey, cacheMs: 1 });
  store = sealing(createPostgresEventStore({ connectionString: url }), vault);
  token.reader = (await createApiKey(pool, { name: 'reader', scopes: ['log:read'] })).token;
  token.personal = (await createApiKey(pool, { name: 'personal', scopes: ['log:read', 'personal:read', 'ops'] })).token;
  await new Promise<void>((resolve) => { issuer.listen(0, '127.0.0.1', resolve); });
  const config = parseConfig(logConfig, { NODE_ENV: 'test', LOG_LEVEL: 'fatal', DATABASE_URL: url, NATS_URL: process.env.TEST_NATS_URL!, RAPPEL_MASTER_KEY: masterKey, PORT: '0', OIDC_ISSUER: 'https://issuer.example.org', OIDC_AUDIENCE: 'rappel', OIDC_JWKS_URL: `http://127.0.0.1:${(issuer.address() as AddressInfo).port}/`, RAPPEL_DEFAULT_ZONE: 'UTC', RAPPEL_CORS_ORIGINS: 'https://desk.example.org, https://stats.example.org' });
  service = await runService({ name: 'notification-log', module: AppModule, config, logger: createLogger('notification-log', config) });
}, 60_000);
afterAll(async () => {
  await service?.stop();
  issuer.close();
  await store?.close();
  await pool?.end();
});

interface Got { status: number; body: any; etag: string | null; text: string }
async function get(path: string, { as = token.reader, headers = {} }: { as?: string; headers?: Record<string, string> } = {}): Promise<Got> {
  const response = await fetch(`${service!.url}${path}`, { headers: { authorization: `Bearer ${as}`, ...headers } });
  const text = await response.text();
  const json = response.headers.get('content-type')?.includes('application/json') && text !== '';
  return { status: response.status, text, etag: response.headers.get('etag'), body: json ? JSON.parse(text) : undefined };
}

const minute = 60_000;
const now = Date.now();
const at = (minutesAgo: number) => new Date(now - minutesAgo * minute).toISOString();

interface Life { channel?: string; type?: string; loan?: string; borrower?: string; to?: string; ends: 'sent' | 'failed' | 'skipped'; ago?: number }
async function live({ channel = 'WHATSAPP', type = 'CREATION', loan = 'l-1', borrower = 'b-1', to = '+33612345678', ends, ago = 5 }: Life): Promise<string> {
  const notificationId = randomUUID();
  const identity = { notificationId, attributionId: loan, borrowerId: borrower, type, channel, dueVersion: 1, occurrence: 1, department: 'info' };
  const event = (name: string, data: object): NewEvent => ({ id: randomUUID(), type: name, data: { at: at(ago), ...data } });
  const requested: NewEvent = { ...event('NotificationRequested', { ...identity, dueFrom: at(ago) }), personal: { state: 'open', subject: borrower, fields: { recipient: to } } };
  const lives = {
    sent: [requested, event('AttemptStarted', { attemptId: 'a', number: 1, leaseUntil: at(0) }), event('AttemptAccepted', { attemptId: 'a', providerId: `SM${notificationId}`, attempts: 1 })],
    failed: [requested, event('NotificationGivenUp', { class: 'RECIPIENT', code: 'phone', text: 'Invalid recipient phone number', attempts: 0 })],
    skipped: [event('NotificationSkipped', { ...identity, reason: 'preference' })],
  };
  await store!.append(notificationStream(notificationId), lives[ends], 0);
  return notificationId;
}
async function caughtUp(): Promise<void> {
  const head = await store!.head();
  await until(async () => {
    const { body } = await get('/projection');
    return body.caughtUp && body.checkpoint >= head;
  });
}

describe('the log over HTTP and NATS', () => {
  let [sent, failed] = ['', ''];
  it('answers the seed\'s analytics queries', async () => {
    sent = await live({ ends: 'sent' });
    await live({ ends: 'sent', channel: 'EMAIL', to: 'jean@example.org', loan: 'l-2', borrower: 'b-2' });
    failed = await live({ ends: 'failed', type: 'RETARD', to: 'nonsense' });
    await live({ ends: 'skipped', type: 'RESTITUTION' });
    await caughtUp();
    expect((await get('/stats/status?channel=WHATSAPP')).body).toEqual({ items: [{ status: 'ECHEC_PERMANENT', count: 1 }, { status: 'ENVOYEE', count: 1 }, { status: null, count: 1 }], total: 3 });
    expect((await get('/stats/failures?channel=WHATSAPP&by=type')).body.items).toEqual([
      { status: 'ECHEC_PERMANENT', errorClass: 'RECIPIENT', errorCode: 'phone', errorText: 'Invalid recipient phone number', type: 'RETARD', count: 1 },
    ]);
    // The sending may have been yesterday when a test runs at midnight.
    const today = at(5).slice(0, 10) === new Date().toISOString().slice(0, 10) ? 1 : 0;
    expect((await get('/stats/sent-today?channel=WHATSAPP&limit=100')).body).toMatchObject({ sent: today, limit: 100, remaining: 100 - today, reached: false });
    expect((await get('/stats/sent-today?channel=WHATSAPP&limit=1')).body.reached).toBe(today === 1);
    expect((await get('/stats/skips')).body).toMatchObject({ items: [{ reason: 'preference', count: 1 }], total: 1 });
    expect((await get('/stats/delays')).body.dueToSent[0]).toMatchObject({ count: 2, p50: 0 });
  });

  it('finds by any field, pages without gap, and refuses what it does not know', async () => {
    const found = await get(`/notifications?status=ECHEC,ECHEC_PERMANENT&error=${encodeURIComponent('"invalid recipient"')}&requestedAtFrom=${at(60)}`);
    expect(found.body.items.map((one: { notificationId: string }) => one.notificationId)).toEqual([failed]);
    const ids: string[] = [];
    const sentOnes = await get(`/notifications?limit=1&sentAtFrom=${at(60)}`);
    expect((await get(`/notifications?limit=5&sentAtFrom=${at(60)}&cursor=${sentOnes.body.next}`)).body).toMatchObject({ items: [{ status: 'ENVOYEE' }], next: null });
    for (let cursor = ''; ;) {
      const { body } = await get(`/notifications?limit=1&order=asc${cursor && `&cursor=${cursor}`}`);
      ids.push(...body.items.map((one: { notificationId: string }) => one.notificationId));
      if (!body.next) break;
      cursor = body.next;
    }
    expect(new Set(ids).size).toBe(4);
    expect((await get('/borrowers/b-2/notifications')).body.items).toHaveLength(1);
    expect((await get('/attributions/l-1/notifications')).body.items).toHaveLength(3);
    for (const path of ['/notifications?colour=blue', '/notifications?status=PERDU', '/notifications?limit=0', '/notifications?cursor=nonsense', '/notifications/42', '/stats/status?by=colour']) {
      expect([path, (await get(path)).status]).toEqual([path, 400]);
    }
    expect((await get(`/notifications/${randomUUID()}`)).status).toBe(404);
    expect((await get('/notifications', { as: 'rpl_nobody' })).status).toBe(401);
  });

  it('shows the timeline, masks recipients, and says when nothing has changed', async () => {
    const one = await get(`/notifications/${sent}`);
    expect(one.body.timeline.map((entry: { type: string }) => entry.type)).toEqual(['NotificationRequested', 'AttemptStarted', 'AttemptAccepted']);
    expect(one.text).not.toContain('612345678');
    expect((await get(`/notifications/${sent}`, { as: token.personal })).body.recipient).toBe('+33612345678');
    expect(await get(`/notifications/${sent}`, { headers: { 'if-none-match': one.etag! } })).toMatchObject({ status: 304, text: '' });
  });

  it('runs the README\'s calls as they are written there', async () => {
    const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
    const [, lines] = /```sh\n([\s\S]*?)```/.exec(readme)!;
    const calls = lines!.split('\n').filter((line) => line.startsWith('curl'));
    const preamble = lines!.split('\n').find((line) => line.startsWith('BASE='))!.replace('http://127.0.0.1:4005', service!.url);
    expect(preamble).toContain(service!.url);
    const answers = await Promise.all(calls.map(async (call) => {
      const { stdout } = await promisify(execFile)('bash', ['-c', `${preamble}\n${call.replace('curl', 'curl --silent --show-error --fail')}`], { env: { ...process.env, RAPPEL_API_KEY: token.reader } });
      return JSON.parse(stdout) as { items: { status: string; type: string; channel: string }[]; total: number; sent: number; limit: number };
    }));
    const [byStatus, failures, list, today] = answers;
    expect(byStatus).toEqual({ items: expect.arrayContaining([{ status: 'ENVOYEE', count: 1 }, { status: 'ECHEC_PERMANENT', count: 1 }]), total: 3 });
    expect(failures!.items).toMatchObject([{ status: 'ECHEC_PERMANENT', errorText: 'Invalid recipient phone number', type: 'RETARD', count: 1 }]);
    expect(list!.items).toMatchObject([{ notificationId: failed, status: 'ECHEC_PERMANENT', channel: 'WHATSAPP' }]);
    expect(today).toMatchObject({ channel: 'WHATSAPP', limit: 100, remaining: 100 - today!.sent, reached: false, zone: 'Europe/Paris' });
  });

  it('lets pages of configured origins in, and no others', async () => {
    const ask = (origin: string, init: RequestInit = {}) => fetch(`${service!.url}/stats/status`, { ...init, headers: { origin, ...init.headers } });
    const preflight = await ask('https://stats.example.org', { method: 'OPTIONS', headers: { 'access-control-request-method': 'GET', 'access-control-request-headers': 'authorization' } });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-headers')).toContain('authorization');
    const asked = await ask('https://stats.example.org', { headers: { authorization: `Bearer ${token.reader}` } });
    expect([asked.status, asked.headers.get('access-control-allow-origin')]).toEqual([200, 'https://stats.example.org']);
    expect((await ask('https://elsewhere.example.org', { headers: { authorization: `Bearer ${token.reader}` } })).headers.get('access-control-allow-origin')).toBeNull();
    expect(() => parseConfig(logConfig, { DATABASE_URL: 'postgres://x', RAPPEL_MASTER_KEY: randomBytes(32).toString('hex'), RAPPEL_CORS_ORIGINS: 'desk.example.org/path' })).toThrow('RAPPEL_CORS_ORIGINS');
  });

  it('shows notifications as they were at a position or an instant', async () => {
    const [requested, started, accepted] = await store!.readStream(notificationStream(sent));
    expect((await get(`/notifications/${sent}?asOf=${requested!.checkpoint}`)).body).toMatchObject({ status: 'EN_ATTENTE', attempts: 0, sentAt: null, timeline: [{ type: 'NotificationRequested' }] });
    expect((await get(`/notifications/${sent}?asOf=${Number(started!.checkpoint)}`)).body).toMatchObject({ phase: 'attempting', timeline: [{}, {}] });
    expect((await get(`/notifications/${sent}?asOf=${accepted!.recordedAt}`)).body).toMatchObject({ status: 'ENVOYEE' });
    expect((await get(`/notifications/${sent}?asOf=2020-01-01T00:00:00Z`)).status).toBe(404);
    const then = (await get(`/attributions/l-1/notifications?asOf=${started!.checkpoint}`)).body.items as { notificationId: string; phase: string }[];
    expect(then).toMatchObject([{ notificationId: sent, phase: 'attempting' }]);
    for (const bad of ['never', '2026-13-45T00:00:00Z', '1.5', '2026-03-01']) expect([bad, (await get(`/notifications/${sent}?asOf=${bad}`)).status]).toEqual([bad, 400]);
    expect((await get(`/notifications?status=ENVOYEE&asOf=${started!.checkpoint}`)).body.error.message).toContain('not with status');
  });

  it('refuses a NUL in whatever is asked for, over HTTP and NATS', async () => {
    const { paths } = (await get('/openapi.json')).body as { paths: Record<string, { get?: { parameters: { name: string; in: string }[] } }> };
    const asked = Object.entries(paths).flatMap(([path, { get: operation }]) => (operation?.parameters ?? []).filter((one) => one.in === 'query').map(({ name }) => `${path.replaceAll(/\{\w+\}/g, randomUUID())}?${name}=a%00b`)).filter((path) => !path.startsWith('/feed?after'));
    expect(asked.length).toBeGreaterThan(100);
    for (const path of asked) expect([path, (await get(path)).status]).toEqual([path, 400]);
    const bus = await connectBus({ servers: process.env.TEST_NATS_URL!, name: 'test' });
    try {
      for (const field of ['error', 'errorCode', 'providerId']) expect((await bus.request('log.query.notifications', JSON.stringify({ [field]: 'a\u0000b' }), { timeout: 5000 })).json()).toMatchObject({ error: { code: 'invalid-input' } });
    } finally {
      await bus.close();
    }
  });

  it('exports CSV and NDJSON', async () => {
    const { text } = await get('/notifications.csv?channel=WHATSAPP');
    const [head, ...lines] = text.trimEnd().split('\r\n');
    expect(head).toContain('notificationId,attributionId');
    expect(lines).toHaveLength(3);
    const objects = (await get('/notifications.ndjson')).text.trimEnd().split('\n').map((line) => JSON.parse(line) as { status: string | null });
    expect(objects).toHaveLength(4);
  });

  it('feeds live and resumes after Last-Event-ID', async () => {
    const read = async (want: number, after?: string): Promise<string[]> => {
      const gone = new AbortController();
      const response = await fetch(`${service!.url}/feed`, { headers: { authorization: `Bearer ${token.reader}`, ...(after !== undefined && { 'last-event-id': after }) }, signal: gone.signal });
      let text = '';
      for await (const chunk of response.body!.pipeThrough(new TextDecoderStream()) as unknown as AsyncIterable<string>) {
        text += chunk;
        if ([...text.matchAll(/^id: /gm)].length >= want) break;
      }
      gone.abort();
      return [...text.matchAll(/^id: (\S+)$/gm)].map(([, id]) => id!);
    };
    const start = (await get('/projection')).body.checkpoint as string;
    await live({ ends: 'sent', loan: 'l-3' });
    const all = await read(3, start);
    expect(all).toHaveLength(3);
    expect(await read(2, all[0])).toEqual(all.slice(1));
    expect((await get('/feed', { headers: { 'last-event-id': 'not a place' } })).status).toBe(400);
  });

  it('ends a live feed soon after its key is revoked or its token has expired, and no other', async () => {
    const { id, token: key } = await createApiKey(pool!, { name: 'leaver', scopes: ['log:read'] });
    const open = async (as: string) => {
      const gone = new AbortController();
      const response = await fetch(`${service!.url}/feed`, { headers: { authorization: `Bearer ${as}` }, signal: gone.signal });
      expect(response.status).toBe(200);
      let over = false;
      const ended = (async () => { for await (const _ of response.body!); over = true; })().catch(() => undefined);
      return { ended, over: () => over, leave: () => gone.abort() };
    };
    // Past its end it is taken for five seconds more: clocks differ.
    const [revoked, expired, staying] = [await open(key), await open(signedIn(-3)), await open(signedIn(600))];
    await revokeApiKey(pool!, id);
    await Promise.all([revoked.ended, expired.ended]);
    expect([revoked.over(), expired.over(), staying.over()]).toEqual([true, true, false]);
    expect((await get('/feed', { as: key })).status).toBe(401);
    staying.leave();
    await staying.ended;
  }, 30_000);

  it('answers the same over NATS', async () => {
    const bus = await connectBus({ servers: process.env.TEST_NATS_URL!, name: 'test' });
    try {
      const ask = async (name: string, query: string) => JSON.parse((await bus.request(`log.query.${name}`, query, { timeout: 5000 })).string()) as unknown;
      expect(await ask('status', '{"channel":"EMAIL"}')).toEqual((await get('/stats/status?channel=EMAIL')).body);
      expect(await ask('notification', JSON.stringify({ id: failed }))).toMatchObject({ status: 'ECHEC_PERMANENT' });
      for (const name of ['nonsense', 'constructor']) expect(await ask(name, '')).toMatchObject({ error: { code: 'not-found' } });
      expect(await ask('status', 'nonsense')).toMatchObject({ error: { code: 'invalid-input' } });
    } finally {
      await bus.close();
    }
  });

  it('takes old recipients out of the log: no table holds them, and no answer, export, feed, reply or earlier log gives them', async () => {
    const admin = (await createApiKey(pool!, { name: 'admin', scopes: ['admin'] })).token;
    const retention = async (body: object) => (await fetch(`${service!.url}/retention`, { method: 'POST', body: JSON.stringify(body), headers: { authorization: `Bearer ${admin}`, 'content-type': 'application/json' } })).json();
    const day = 24 * 60;
    const [old, young] = [await live({ ends: 'sent', loan: 'l-old', borrower: 'b-old', to: '+33600000091', ago: 91 * day }), await live({ ends: 'sent', loan: 'l-old', borrower: 'b-old', to: '+33600000089', ago: 89 * day })];
    await caughtUp();
    const stored = async () => (await pool!.query<{ id: string; recipient: { state: string } }>('SELECT notification_id AS id, recipient FROM log.notification WHERE attribution_id = $1', ['l-old'])).rows;
    const counts = (await get('/stats/status')).body;
    expect((await stored()).map(({ recipient }) => recipient.state)).toEqual(['sealed', 'sealed']);
    // Hidden before the job comes.
    expect((await get(`/notifications/${old}`, { as: token.personal })).body.recipient).toBe('[REDACTED]');
    const late = async () => Number(/^rappel_recipients_late_seconds (\S+)$/m.exec((await get('/metrics', { as: token.personal })).text)?.[1]);
    expect(Math.round(await late() / 86_400)).toBe(1);
    expect(await retention({})).toMatchObject({ recipients: 1, dryRun: true });
    expect(await retention({ dryRun: false })).toMatchObject({ recipients: 1, dryRun: false });
    await caughtUp();
    await until(async () => (await stored()).some(({ recipient }) => recipient.state === 'erased'));
    expect(await late()).toBe(0);
    expect(Object.fromEntries((await stored()).map(({ id, recipient }) => [id, recipient]))).toEqual({ [old]: { state: 'erased', subject: 'b-old' }, [young]: expect.objectContaining({ state: 'sealed' }) });

    const { checkpoint } = (await store!.readStream(notificationStream(old)))[0]!;
    const paths = ['/notifications?attributionId=l-old', '/notifications.csv?attributionId=l-old', '/notifications.ndjson?attributionId=l-old', '/borrowers/b-old/notifications', `/notifications/${old}?asOf=${(await store!.readStream(notificationStream(young))).at(-1)!.checkpoint}`];
    for (const path of paths) {
      const { text } = await get(path, { as: token.personal });
      expect([path, text.includes('[REDACTED]'), text.includes('0091')]).toEqual([path, true, false]);
      if (!path.includes(old)) expect([path, text.includes('+33600000089')]).toEqual([path, true]);
    }
    const gone = new AbortController();
    const feed = await fetch(`${service!.url}/feed?attributionId=l-old&after=${checkpoint}`, { headers: { authorization: `Bearer ${token.personal}` }, signal: gone.signal });
    let told = '';
    for await (const chunk of feed.body!.pipeThrough(new TextDecoderStream()) as unknown as AsyncIterable<string>) if ((told += chunk).includes('0089')) break;
    gone.abort();
    expect([told.includes('[REDACTED]'), told.includes('0091')]).toEqual([true, false]);

    expect((await get('/stats/status')).body).toEqual(counts);
    expect(await rebuildLog({ store: store!, pool: pool!, fresh: true })).toMatchObject({ equal: true });
    expect((await stored()).map(({ recipient }) => recipient.state).sort()).toEqual(['erased', 'sealed']);
    const runs = await (await fetch(`${service!.url}/retention`, { headers: { authorization: `Bearer ${admin}` } })).json() as { items: unknown[] };
    expect(runs.items).toEqual([expect.objectContaining({ notifications: 1, actor: 'key:admin' })]);
  });

  it('forgets a borrower, and a rebuild gives the same log', async () => {
    await vault!.forget('b-1');
    await until(async () => (await get(`/notifications/${sent}`, { as: token.personal })).body.recipient === '[REDACTED]');
    expect(await rebuildLog({ store: store!, pool: pool! })).toMatchObject({ equal: true });
    await caughtUp();
    expect((await get(`/notifications/${sent}`, { as: token.personal })).body).toMatchObject({ recipient: '[REDACTED]', status: 'ENVOYEE' });
    expect(await verifyLog({ store: store!, pool: pool! })).toMatchObject({ equal: true });
  }, 60_000);

  it('says that the log is being built when somebody dropped it, and has it back by itself', async () => {
    const before = (await get('/stats/status')).body;
    await pool!.query('DROP SCHEMA log CASCADE');
    const seen: Got[] = [];
    await until(async () => seen.push(await get('/stats/status')) > 0 && seen.at(-1)!.status === 200 && seen.at(-1)!.body.total === before.total);
    await caughtUp();
    for (const { status, body } of seen) if (status !== 200) expect([status, body.error.code]).toEqual([503, 'log-missing']);
    expect((await get('/stats/status')).body).toEqual(before);
  });

  it('exports any number of rows in flat memory', async () => {
    let [asked, most] = [0, 0];
    async function* pages(): AsyncGenerator<Notification[]> {
      for (; asked < 50; asked += 1) yield Array.from({ length: 2000 }, () => row);
    }
    const row = (await get('/notifications?limit=1')).body.items[0] as Notification;
    const taken = { rows: 0 };
    for await (const chunk of Readable.from(csv(pages()), { objectMode: false, highWaterMark: 1 << 18 })) {
      taken.rows += String(chunk).split('\r\n').length - 1;
      most = Math.max(most, asked * 2000 - taken.rows);
    }
    expect(taken.rows).toBe(100_001);
    // Read but not yet taken by the socket: never more than two pages, however slow it is.
    expect(most).toBeLessThanOrEqual(4000);
  });

  it('shows an event it cannot take, and goes on', async () => {
    const id = randomUUID();
    await store!.append(notificationStream(id), [{ id: randomUUID(), type: 'FromTheFuture', data: { at: at(0) } }], 0);
    const after = await live({ ends: 'sent', loan: 'l-4' });
    await caughtUp();
    expect((await get('/projection/poison', { as: token.personal })).body.items).toMatchObject([{ stream: notificationStream(id), type: 'FromTheFuture' }]);
    expect((await get(`/notifications/${after}`)).status).toBe(200);
    const { text } = await get('/metrics', { as: token.personal });
    expect(text).toMatch(/^rappel_projection_behind_seconds 0$/m);
    expect(text).toMatch(/^rappel_projection_set_aside 1$/m);
    expect(text).toMatch(/^rappel_projection_events [1-9]\d*$/m);
  });
});

const until = (holds: () => Promise<boolean>): Promise<boolean> => comesAbout('what is waited for', async () => await holds() || undefined);
