import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createDatabase, makeTempDir, startNats, startPostgres, startStack, type NatsServer, type PostgresServer } from '@rappel/local-stack';
import { createAuthority } from '@rappel/tls/testing';

const folder = makeTempDir('encrypted');
let postgres: PostgresServer;
let nats: NatsServer;
let env: Record<string, string>;
let strange: string;

beforeAll(async () => {
  const authority = await createAuthority(join(folder, 'authority'));
  strange = (await createAuthority(join(folder, 'strange'))).ca;
  const { cert, key } = await authority.issue('server');
  writeFileSync(join(folder, 'tls.conf'), `tls { cert_file: "${cert}", key_file: "${key}" }\n`);
  [postgres, nats] = await Promise.all([
    startPostgres({ dataDir: join(folder, 'postgres'), durable: false, tls: { cert, key } }),
    startNats({ storeDir: join(folder, 'nats'), durable: false, configFile: join(folder, 'tls.conf') }),
  ]);
  const database = await createDatabase(postgres.url, 'rappel');
  env = {
    DATABASE_URL: `${database}?sslmode=verify-full&sslrootcert=${authority.ca}`, NATS_URL: `tls://localhost:${nats.port}`, NATS_TLS_CA: authority.ca,
    RAPPEL_MASTER_KEY: randomBytes(32).toString('base64'),
  };
});
afterAll(async () => {
  await Promise.all([postgres?.stop(), nats?.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

test('services run on encrypted lines to PostgreSQL and NATS, under certificates of a private authority', async () => {
  const stack = await startStack({ postgres: false, nats: false, inbox: false, twilio: false, env });
  try {
    // Each waits for the other's stream.
    const [loan] = await Promise.all([stack.startService('loan'), stack.startService('scheduler')]);
    expect(await (await fetch(`${loan.url}/health/ready`)).json()).toMatchObject({ checks: { database: 'up', 'event-store': 'up', nats: 'up', relay: 'up', consumers: 'up' } });
  } finally {
    await stack.stop();
  }
});

test.each([
  ['PostgreSQL', () => ({ DATABASE_URL: env['DATABASE_URL']!.replace(/sslrootcert=.*/, `sslrootcert=${strange}`) }), /PostgreSQL: .* DATABASE_URL as sslrootcert=FILE, or in NODE_EXTRA_CA_CERTS/],
  ['NATS', () => ({ NATS_TLS_CA: strange }), /NATS: .* NATS_TLS_CA, or in NODE_EXTRA_CA_CERTS/],
])('a service that does not trust %s ends at the start, and says what to do', (_, change, text) => {
  const { status, stderr, stdout } = spawnSync(process.execPath, [join(import.meta.dirname, '../../dist/loan.mjs')], { encoding: 'utf8', env: { PATH: process.env['PATH'], PORT: '0', ...env, ...change() }, timeout: 60_000 });
  expect(status).toBe(1);
  expect(stderr + stdout).toMatch(text);
});
