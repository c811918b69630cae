import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { Controller, Get, Module, Post } from '@nestjs/common';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createApiKey, revokeApiKey } from '@rappel/auth';
import { createPool } from '@rappel/postgres';
import type { Pool } from '@rappel/postgres';
import { z } from 'zod';
import { AcceptsForm, Caller, Endpoint, parseConfig, baseConfig, Public, runService, Scopes, ZodBody, createLogger } from '../src/index.ts';
import type { CallerIdentity, RunningService } from '../src/index.ts';
import { createDatabase } from '@rappel/local-stack';

const Thing = z.object({ name: z.string().max(20) });

@Controller('things')
class ThingsController {
  @Post() @Scopes('loans:write') @Endpoint({ summary: 'Make a thing', body: Thing, answer: Thing })
  make(@ZodBody(Thing) thing: z.infer<typeof Thing>, @Caller() caller: CallerIdentity) { return { ...thing, by: caller.actor }; }
  @Get('closed')
  closed() { return 'never'; }
  @Get('broken') @Scopes('ops')
  broken() { throw new Error('secret detail about marie@example.org'); }
  @Get('refused') @Scopes('ops')
  refused() { throw Object.assign(new Error('unknown thing 7'), { name: 'ThingRefused', code: 'unknown-thing' }); }
  @Post('hook') @Public() @AcceptsForm()
  hook() { return { ok: true }; }
}
@Module({ controllers: [ThingsController] })
class ThingsModule {}

let pool: Pool;
let service: RunningService;
let environment: Record<string, string>;
const tokens: Record<string, string> = {};

beforeAll(async () => {
  const url = await createDatabase(process.env['TEST_POSTGRES_URL']!, `kit_${randomUUID().slice(0, 8)}`);
  pool = createPool(url);
  environment = { DATABASE_URL: url, RAPPEL_MASTER_KEY: Buffer.alloc(32, 7).toString('base64'), LOG_LEVEL: 'silent' };
  const config = parseConfig(baseConfig, { ...environment, RAPPEL_RATE_LIMIT: '0' });
  service = await runService({ name: 'things', module: ThingsModule, config, logger: createLogger('things', config) });
  for (const scope of ['loans:write', 'ops'] as const) tokens[scope] = (await createApiKey(pool, { name: scope.replace(':', '-'), scopes: [scope] })).token;
});
afterAll(async () => {
  await service?.stop();
  await pool?.end();
});

async function call(method: string, path: string, { token, body, type = 'application/json' }: { token?: string; body?: string; type?: string } = {}) {
  const headers = { ...(token && { authorization: `Bearer ${token}` }), ...(body !== undefined && { 'content-type': type }) };
  const answer = await fetch(`${service.url}${path}`, { method, headers, ...(body !== undefined && { body }) });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, text, json: () => JSON.parse(text) as { error: { code: string; message: string; issues: { path: string }[] } } & Record<string, unknown> };
}

test('health needs no token and says what is up', async () => {
  expect((await call('GET', '/health/live')).status).toBe(200);
  const ready = await call('GET', '/health/ready');
  expect(ready.status).toBe(200);
  expect(ready.json()).toEqual({ status: 'ready', checks: { database: 'up' } });
});

test('a token with the right scope is let in, others are not, and nothing is open by default', async () => {
  const body = '{"name":"pump"}';
  expect((await call('POST', '/things', { body })).status).toBe(401);
  expect((await call('POST', '/things', { body, token: 'rpl_0000000000000000_0000000000000000000000000000000000000000000' })).status).toBe(401);
  expect((await call('POST', '/things', { body, token: tokens['ops'] })).status).toBe(403);
  const made = await call('POST', '/things', { body, token: tokens['loans:write'] });
  expect(made.status).toBe(201);
  expect(made.json()).toEqual({ name: 'pump', by: 'key:loans-write' });
  expect((await call('GET', '/things/closed', { token: tokens['ops'] })).status).toBe(403);
});

test('errors keep one shape and give nothing away', async () => {
  const broken = await call('GET', '/things/broken', { token: tokens['ops'] });
  expect(broken.status).toBe(500);
  expect(broken.json()).toEqual({ error: { code: 'internal', message: 'something went wrong on our side' } });
  const refused = await call('GET', '/things/refused', { token: tokens['ops'] });
  expect([refused.status, refused.json().error.code]).toEqual([404, 'unknown-thing']);
  const missing = await call('GET', '/nowhere');
  expect([missing.status, missing.json().error.code]).toEqual([404, 'not-found']);
});

test.each([
  ['not JSON', '{', 'application/json', 400],
  ['empty', '', 'application/json', 400],
  ['prototype', '{"name":"x","__proto__":{"admin":true}}', 'application/json', 400],
  ['constructor', '{"name":"x","constructor":{"prototype":{"admin":true}}}', 'application/json', 400],
  ['wrong type', '{"name":7}', 'application/json', 400],
  ['a form', 'name=pump', 'application/x-www-form-urlencoded', 415],
  ['text', '{"name":"x"}', 'text/plain', 415],
  ['multipart', '--x', 'multipart/form-data; boundary=x', 415],
  ['too large', JSON.stringify({ name: 'x'.repeat(300_000) }), 'application/json', 413],
  ['deep', `${'['.repeat(100_000)}${']'.repeat(100_000)}`, 'application/json', 400],
])('refuses a body that is %s', async (_, body, type, status) => {
  const answer = await call('POST', '/things', { token: tokens['loans:write'], body, type });
  expect(answer.status).toBe(status);
  expect(typeof answer.json().error.code).toBe('string');
});

test.each(['gzip', 'deflate', 'br'])('does not unpack a body that says it is %s', async (encoding) => {
  const packed = { gzip: gzipSync, deflate: deflateSync, br: brotliCompressSync }[encoding]!(JSON.stringify({ name: 'x'.repeat(5_000_000) }));
  const answer = await fetch(`${service.url}/things`, { method: 'POST', body: packed, headers: { authorization: `Bearer ${tokens['loans:write']}`, 'content-type': 'application/json', 'content-encoding': encoding } });
  expect([answer.status, await answer.json()]).toEqual([400, { error: { code: 'bad-request', message: expect.any(String) } }]);
});

test.each(['Host: other', 'Authorization: Bearer other', 'Content-Type: application/json'])('refuses a request with a second %s', async (header) => {
  const { hostname, port } = new URL(service.url);
  const answer = await new Promise<string>((resolve) => {
    let text = '';
    const socket = connect(Number(port), hostname, () => socket.write(`POST /things HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer ${tokens['loans:write']}\r\nContent-Type: application/json\r\n${header}\r\nContent-Length: 15\r\nConnection: close\r\n\r\n{"name":"pump"}`));
    socket.on('data', (data) => { text += data.toString(); }).on('close', () => resolve(text));
  });
  expect(answer).toMatch(/^HTTP\/1\.1 400 [\s\S]*"code":"bad-request"/);
});

test('a webhook takes a form and only a form', async () => {
  expect((await call('POST', '/things/hook', { body: 'a=1', type: 'application/x-www-form-urlencoded' })).status).toBe(201);
  expect((await call('POST', '/things/hook', { body: '{}' })).status).toBe(415);
});

test('describes itself, shows figures, and sets headers', async () => {
  expect((await call('GET', '/openapi.json')).status).toBe(401);
  const api = await call('GET', '/openapi.json', { token: tokens['ops'] });
  const { paths, openapi } = api.json() as unknown as { openapi: string; paths: Record<string, Record<string, { security: unknown; requestBody: unknown }>> };
  expect(openapi).toBe('3.1.0');
  expect(paths['/things']!['post']!.security).toEqual([{ token: ['loans:write'] }]);
  expect(paths['/things']!['post']!.requestBody).toMatchObject({ content: { 'application/json': { schema: { properties: { name: { type: 'string', maxLength: 20 } } } } } });
  const metrics = await call('GET', '/metrics', { token: tokens['ops'] });
  expect(metrics.text).toContain('http_request_duration_seconds_count{method="POST",route="/things",status="201"}');
  expect(metrics.headers.get('content-security-policy')).toContain("default-src 'self'");
  expect(metrics.headers.get('x-content-type-options')).toBe('nosniff');
  for (const asset of ['', '/open.js', '/swagger-ui.css', '/swagger-ui-bundle.js']) expect((await call('GET', `/docs${asset}`)).status).toBe(200);
});

test('too many requests from one address are refused, health apart', async () => {
  const config = parseConfig(baseConfig, { ...environment, RAPPEL_RATE_LIMIT: '5' });
  const limited = await runService({ name: 'limited', module: ThingsModule, config, logger: createLogger('limited', config) });
  try {
    const statuses: number[] = [];
    for (let n = 0; n < 7; n++) statuses.push((await fetch(`${limited.url}/metrics`)).status);
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429, 429]);
    const refused = await fetch(`${limited.url}/metrics`, { headers: { authorization: `Bearer ${tokens['ops']}`, 'x-forwarded-for': '192.0.2.7' } });
    expect([refused.status, await refused.json()]).toEqual([429, { error: { code: 'too-many-requests', message: expect.any(String) } }]);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await fetch(`${limited.url}/health/live`)).status).toBe(200);
  } finally {
    await limited.stop();
  }
});

test('a revoked key is refused once its five seconds are over', async () => {
  const { id, token } = await createApiKey(pool, { name: 'short', scopes: ['ops'] });
  expect(await revokeApiKey(pool, id)).toBe(true);
  expect(await revokeApiKey(pool, id)).toBe(false);
  expect((await call('GET', '/metrics', { token })).status).toBe(401);
});
