import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { encodeAccount, encodeOperator, encodeUser, fmtCreds } from '@nats-io/jwt';
import { nkeys } from '@nats-io/nats-core';
import type { NatsConnection } from '@nats-io/nats-core';
import { connect } from '@nats-io/transport-node';
import { startNats, type NatsServer } from '@rappel/local-stack';
import { busRefusal, connectBus } from '@rappel/messaging';
import { baseConfig, busOptions, parseConfig } from '@rappel/service-kit';
import { createAuthority } from '@rappel/tls/testing';
import { letsPublish, reconnected } from './support/publish.ts';
import { securedNats, type SecuredNats } from './support/secured.ts';

const folder = mkdtempSync(join(tmpdir(), 'rappel-nats-tls-'));
afterAll(() => { rmSync(folder, { recursive: true, force: true }); });

/** The way a service connects: from its environment, and nothing else. */
const settings = (service: string, env: Record<string, string>) =>
  busOptions(service, parseConfig(baseConfig, { DATABASE_URL: 'postgres://rappel@localhost/rappel', RAPPEL_MASTER_KEY: Buffer.alloc(32, 9).toString('base64'), ...env }));
const connectAs = (service: string, env: Record<string, string>): Promise<NatsConnection> => connectBus(settings(service, env));

/** One attempt instead of for ever: why it was refused. */
async function refusal(service: string, env: Record<string, string>): Promise<string> {
  const error = await busRefusal(settings(service, env));
  return error ? `${String(error)} ${String(error.cause ?? '')}` : 'not refused';
}

describe('encrypted, with client certificates and nkeys', () => {
  let secured: SecuredNats;
  let server: NatsServer;
  beforeAll(async () => {
    secured = await securedNats(join(folder, 'secured'));
    server = await startNats({ storeDir: join(folder, 'store'), durable: false, ...secured.options });
  });
  afterAll(async () => { await server?.stop(); });
  const env = (over: Record<string, string> = {}) => ({ ...secured.environment('email'), NATS_URL: server.url, ...over });

  test('a service comes in with its certificate and its nkey, in TLS, and says what it may', async () => {
    const bus = await connectAs('email', env());
    try {
      expect(bus.info).toMatchObject({ tls_required: true, tls_verify: true });
      expect(await letsPublish(bus, 'notification.sent.v1')).toBe(true);
      expect(await letsPublish(bus, 'loan.attribution-created.v1')).toBe(false);
    } finally {
      await bus.close();
    }
  });

  test('the seed may lie in a file', async () => {
    const file = join(folder, 'email.seed');
    writeFileSync(file, `${secured.environment('email')['NATS_NKEY_SEED']}\n`, { mode: 0o600 });
    await (await connectAs('email', env({ NATS_NKEY_SEED: `file:${file}` }))).close();
  });

  test.each([
    ['a server of another authority', async () => ({ NATS_TLS_CA: (await createAuthority(join(folder, 'strange'))).ca }), /certificate|issuer|unable to verify/i],
    ['no authority at all', async () => ({ NATS_TLS_CA: '' }), /certificate|unable to verify|self-signed/i],
    ['no client certificate', async () => ({ NATS_TLS_CERT: '', NATS_TLS_KEY: '' }), /certificate|closed|reset|alert/i],
    ['a client certificate of another authority', async () => {
      const { cert, key } = await (await createAuthority(join(folder, 'forger'))).issue('client');
      return { NATS_TLS_CERT: cert, NATS_TLS_KEY: key };
    }, /certificate|closed|reset|alert/i],
    ['no nkey', async () => ({ NATS_NKEY_SEED: '' }), /authorization/i],
  ])('refused: %s', async (_, change, why) => {
    expect(await refusal('email', env(await change()))).toMatch(why);
  });
});

describe('users by JWT (.creds files)', () => {
  const account = nkeys.createAccount();
  const operator = nkeys.createOperator();
  let server: NatsServer;
  beforeAll(async () => {
    const system = nkeys.createAccount();
    const unlimited = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 };
    const jwts = {
      [system.getPublicKey()]: await encodeAccount('SYS', system, {}, { signer: operator }),
      [account.getPublicKey()]: await encodeAccount('RAPPEL', account, { limits: { ...unlimited, conn: -1, subs: -1, data: -1, payload: -1, imports: -1, exports: -1, wildcards: true, leaf: -1 } }, { signer: operator }),
    };
    mkdirSync(folder, { recursive: true });
    const configFile = join(folder, 'operator.conf');
    writeFileSync(configFile, [
      `operator: ${await encodeOperator('O', operator, { system_account: system.getPublicKey() })}`, `system_account: ${system.getPublicKey()}`, 'resolver: MEMORY',
      `resolver_preload: {\n${Object.entries(jwts).map(([id, jwt]) => `  ${id}: ${jwt}`).join('\n')}\n}`, '',
    ].join('\n'));
    server = await startNats({ storeDir: join(folder, 'jwt-store'), durable: false, configFile });
  });
  afterAll(async () => { await server?.stop(); });

  /** What infra/nats/permissions.conf lets a user do, for its JWT. */
  function permissionsOf(name: string) {
    const text = readFileSync(join(import.meta.dirname, '../../infra/nats/permissions.conf'), 'utf8').replaceAll(/^\s*#.*$/gm, '');
    const block = new RegExp(`^${name}: \\{([\\s\\S]*?)^\\}`, 'm').exec(text)![1]!;
    const list = (verb: string) => [...(new RegExp(`${verb}: \\{ allow: \\[([^\\]]*)\\]`).exec(block)?.[1] ?? '').matchAll(/"([^"]+)"/g)].map(([, subject]) => subject!);
    return { pub: { allow: list('publish'), deny: [] }, sub: { allow: list('subscribe'), deny: [] } };
  }

  const credentials = async (pair = nkeys.createUser()) => Buffer.from(fmtCreds(await encodeUser('email', pair, account, permissionsOf('EMAIL_MAY')), pair));

  test('NATS_CREDS lets a service in with its permissions, and a file that was replaced is read at the next connection', async () => {
    const file = join(folder, 'email.creds');
    writeFileSync(file, await credentials(), { mode: 0o600 });
    const bus = await connectAs('email', { NATS_URL: server.url, NATS_CREDS: file });
    try {
      expect(await letsPublish(bus, 'notification.sent.v1')).toBe(true);
      for (const subject of ['loan.attribution-created.v1', 'scheduler.reminder-due.v1', 'inbound.AttributionCreated']) expect([subject, await letsPublish(bus, subject)]).toEqual([subject, false]);
      writeFileSync(file, await credentials());
      const again = reconnected(bus);
      await server.restart();
      await again;
      expect(await letsPublish(bus, 'notification.sent.v1')).toBe(true);
    } finally {
      await bus.close();
    }
  });

  test('nobody comes in without, or with those of another account', async () => {
    expect(await refusal('email', { NATS_URL: server.url })).toMatch(/authorization/i);
    const pair = nkeys.createUser();
    const forged = fmtCreds(await encodeUser('email', pair, nkeys.createAccount(), {}), pair);
    const { credsAuthenticator } = await import('@nats-io/nats-core');
    await expect(connect({ servers: server.url, authenticator: credsAuthenticator(forged), reconnect: false })).rejects.toThrow(/authorization/i);
  });
});
