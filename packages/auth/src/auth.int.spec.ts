import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createDatabase, until } from '@rappel/local-stack';
import { createPool } from '@rappel/postgres';
import type { Pool } from '@rappel/postgres';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { createApiKey, createApiKeyCheck, createJwtCheck, ensureLocalKey, listApiKeys, migrateAuth, revokeApiKey } from './index.ts';

let pool: Pool;
let server: Server;
let jwksUrl: string;
const issuer = 'https://id.example';
const audience = 'rappel';
let keys: Awaited<ReturnType<typeof generateKeyPair>>;
let published: object[];

beforeAll(async () => {
  pool = createPool(await createDatabase(process.env['TEST_POSTGRES_URL']!, `auth_${randomUUID().slice(0, 8)}`));
  await migrateAuth(pool);
  keys = await generateKeyPair('ES256');
  const jwk = { ...await exportJWK(keys.publicKey), kid: 'k1', alg: 'ES256', use: 'sig' };
  published = [jwk];
  server = createServer((_, answer) => answer.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: published })));
  await new Promise<void>((ready) => { server.listen(0, '127.0.0.1', ready); });
  jwksUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`;
});
afterAll(async () => {
  server?.closeAllConnections();
  server?.close();
  await pool?.end();
});

const jwt = (claims: Record<string, unknown>, change: (token: SignJWT) => SignJWT = (token) => token, { key = keys.privateKey, header = {} } = {}) =>
  change(new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: 'k1', ...header }).setIssuer(issuer).setAudience(audience).setSubject('alice').setExpirationTime('5m')).sign(key);

test('an API key is stored as a hash, checked, listed, expired and revoked', async () => {
  const check = createApiKeyCheck(pool);
  const { id, token } = await createApiKey(pool, { name: 'radgestmat', scopes: ['loans:write', 'log:read'] });
  const { rows } = await pool.query('SELECT api_keys::text AS row FROM auth.api_keys WHERE id = $1', [id]);
  expect((rows[0] as { row: string }).row).not.toContain(token.slice(-43));
  expect(await check(token)).toEqual({ actor: 'key:radgestmat', scopes: ['loans:write', 'log:read'] });
  const { lastUsedAt } = (await listApiKeys(pool)).find((one) => one.id === id)!;
  expect(await check(`${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`)).toBeUndefined();
  // A wrong secret is no use of the key.
  expect((await listApiKeys(pool)).find((one) => one.id === id)!.lastUsedAt).toBe(lastUsedAt);
  const { token: over } = await createApiKey(pool, { name: 'over', scopes: ['ops'], expiresAt: '2020-01-01T00:00:00Z' });
  expect(await check(over)).toBeUndefined();
  expect((await listApiKeys(pool)).find((one) => one.id === id)).toMatchObject({ name: 'radgestmat', lastUsedAt: expect.any(String) });
  await revokeApiKey(pool, id);
  expect(await createApiKeyCheck(pool)(token)).toBeUndefined();
  await expect(createApiKey(pool, { name: 'x y', scopes: ['ops'] })).rejects.toBeInstanceOf(RangeError);
  await expect(createApiKey(pool, { name: 'x', scopes: ['root' as 'ops'] })).rejects.toBeInstanceOf(RangeError);
});

test('a JWT is taken when signed by the issuer, for us, in time', async () => {
  const check = createJwtCheck({ issuer, audience, jwksUrl });
  expect(await check(await jwt({ scope: 'log:read ops nonsense' }))).toEqual({ actor: 'oidc:alice', scopes: ['log:read', 'ops'] });
  expect(await check(await jwt({ permissions: ['admin'] }))).toEqual({ actor: 'oidc:alice', scopes: ['admin'] });
  const stranger = await generateKeyPair('ES256', { extractable: true });
  const strangersJwk = await exportJWK(stranger.publicKey);
  const refused = [
    await jwt({ scope: 'ops' }, undefined, { key: stranger.privateKey }),
    await jwt({ scope: 'ops' }, (token) => token.setAudience('other')),
    await jwt({ scope: 'ops' }, (token) => token.setIssuer('https://evil.example')),
    await jwt({ scope: 'ops' }, (token) => token.setExpirationTime('-1m')),
    await jwt({ scope: 'ops' }, (token) => token.setNotBefore('5m')),
    await new SignJWT({ scope: 'ops' }).setProtectedHeader({ alg: 'HS256' }).setIssuer(issuer).setAudience(audience).setExpirationTime('5m').sign(new TextEncoder().encode('guess-guess-guess-guess-guess-32')),
    await new SignJWT({ scope: 'ops' }).setProtectedHeader({ alg: 'ES256', kid: 'k1' }).setIssuer(issuer).setAudience(audience).sign(keys.privateKey),
    `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from(JSON.stringify({ iss: issuer, aud: audience, exp: 4e9, scope: 'admin' })).toString('base64url')}.`,
    'nonsense',
    // A key id that the issuer does not have, and a token that brings its own key along.
    await jwt({ scope: 'ops' }, undefined, { header: { kid: 'k2' } }),
    await jwt({ scope: 'ops' }, undefined, { header: { jwk: strangersJwk }, key: stranger.privateKey }),
    await jwt({ scope: 'ops' }, undefined, { header: { jku: 'https://evil.example/jwks' }, key: stranger.privateKey }),
    // The public key used as if it were a shared secret.
    await new SignJWT({ scope: 'ops' }).setProtectedHeader({ alg: 'HS256', kid: 'k1' }).setIssuer(issuer).setAudience(audience).setExpirationTime('5m').sign(new TextEncoder().encode(JSON.stringify(await exportJWK(keys.publicKey)))),
  ];
  for (const token of refused) expect(await check(token)).toBeUndefined();
});

test('an issuer changes its signing keys: a new one is taken as soon as it is published, an old one until it is withdrawn', async () => {
  const check = createJwtCheck({ issuer, audience, jwksUrl, cooldownMs: 10 });
  const young = await generateKeyPair('RS256');
  const [old, next] = [await jwt({ scope: 'ops' }), await new SignJWT({ scope: 'ops' }).setProtectedHeader({ alg: 'RS256', kid: 'k2' }).setIssuer(issuer).setAudience(audience).setSubject('alice').setExpirationTime('5m').sign(young.privateKey)];
  const [was] = published;
  try {
    expect([await check(old), await check(next)]).toEqual([{ actor: 'oidc:alice', scopes: ['ops'] }, undefined]);
    published = [was!, { ...await exportJWK(young.publicKey), kid: 'k2', alg: 'RS256', use: 'sig' }];
    await until('the new key', async () => check(next));
    expect(await check(old)).toBeDefined();
    published = published.slice(1);
    const later = createJwtCheck({ issuer, audience, jwksUrl, cooldownMs: 10 });
    expect([await later(old), await later(next)]).toEqual([undefined, { actor: 'oidc:alice', scopes: ['ops'] }]);
  } finally {
    published = [was!];
  }
});

test('the local key is made once, kept, for its owner alone', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rappel-key-'));
  try {
    const file = join(folder, 'keys', 'api-key');
    const token = await ensureLocalKey(pool, file);
    expect(await ensureLocalKey(pool, file)).toBe(token);
    expect(readFileSync(file, 'utf8').trim()).toBe(token);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
