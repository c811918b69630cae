import { randomBytes } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { baseConfig, clockFrom, ConfigInvalid, parseConfig } from './index.ts';

const good = { DATABASE_URL: 'postgres://rappel:k3ynotdefault@db/rappel', RAPPEL_MASTER_KEY: randomBytes(32).toString('base64') };
const problemsOf = (env: Record<string, string>): string => {
  try {
    parseConfig(baseConfig, env);
    return '';
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigInvalid);
    return (error as ConfigInvalid).message;
  }
};

test('defaults fill what is absent or empty', () => {
  expect(parseConfig(baseConfig, { ...good, LOG_LEVEL: '' })).toMatchObject({ LOG_LEVEL: 'info', RAPPEL_AUTH: 'on', RAPPEL_DEFAULT_COUNTRY: 'FR', HOST: '127.0.0.1', RAPPEL_TRUST_PROXY: false });
});

test('every bad key is named with what is expected, and no value is shown', () => {
  const text = problemsOf({ DATABASE_URL: 'mysql://root:hunter2@db', RAPPEL_MASTER_KEY: 'hunter2', PORT: 'hunter2', NODE_ENV: 'hunter2', RAPPEL_CLOCK: 'hunter2', OIDC_ISSUER: 'ok' });
  for (const key of ['DATABASE_URL: expected postgres://', 'RAPPEL_MASTER_KEY: expected 32 bytes', 'PORT: expected number', 'NODE_ENV: expected one of', 'RAPPEL_CLOCK: expected']) expect(text).toContain(key);
  expect(text).not.toContain('hunter2');
  expect(problemsOf({})).toContain('DATABASE_URL: missing');
  const formats = problemsOf({ ...good, RAPPEL_DEFAULT_COUNTRY: 'France', RAPPEL_CLOSING_HOUR: '6pm' });
  for (const problem of ['RAPPEL_DEFAULT_COUNTRY: expected two letters, FR', 'RAPPEL_CLOSING_HOUR: expected HH:mm, 18:00']) expect(formats).toContain(problem);
  expect(() => parseConfig({ PUBLIC_URL: z.url() }, { PUBLIC_URL: 'here' })).toThrow('PUBLIC_URL: expected https://…');
});

const production = { ...good, NODE_ENV: 'production', NATS_USER: 'loan', NATS_PASSWORD: 'p0a1b2c3' };
const random = () => randomBytes(32).toString('base64');

test.each<[what: string, key: string, value: string]>([
  ['a sped-up clock', 'RAPPEL_CLOCK', '2026-01-01T00:00:00Z@2026-01-01T00:00:00Z*60'],
  ['a clock from a file', 'RAPPEL_CLOCK', 'file:clock.json'],
  ['no authentication', 'RAPPEL_AUTH', 'off'],
  ['the simulator', 'TWILIO_BASE_URL', 'http://127.0.0.1:4010'],
  ['the simulator by another name', 'TWILIO_BASE_URL', 'http://twilio-simulator:4010'],
  ['a master key of zeros', 'RAPPEL_MASTER_KEY', Buffer.alloc(32).toString('base64')],
  ['a master key that is a text', 'RAPPEL_MASTER_KEY', Buffer.from('correct-horse-battery-staple-abc').toString('base64')],
  ['a placeholder beside a good master key', 'RAPPEL_MASTER_KEY', `new:${random()},old:${'ab'.repeat(32)}`],
  ['a default database password', 'DATABASE_URL', 'postgres://rappel:rappel@db/rappel'],
  ['a default event store password', 'EVENT_STORE_URL', 'kurrentdb://admin:changeit@kurrent:2113'],
  ['a default NATS password in the address', 'NATS_URL', 'nats://loan:password@nats'],
  ['a default NATS password in the address of a second server', 'NATS_URL', 'nats://loan:p0a1b2c3@nats-1:4222,nats://loan:change%2Dme@nats-2:4222'],
  ['a default database password as a parameter', 'DATABASE_URL', 'postgres://rappel@db/rappel?sslmode=require&password=postgres'],
  ['a default NATS password', 'NATS_PASSWORD', 'changeme'],
  ['a default Twilio token', 'TWILIO_AUTH_TOKEN', 'test'],
  ['the Twilio token of the example', 'TWILIO_AUTH_TOKEN', 'your_auth_token_here'],
  ['a default SMTP password', 'SMTP_PASSWORD', 'secret'],
  ['a default webhook secret', 'BOUNCE_WEBHOOK_SECRET', 'change-me'],
  ['a default token behind a good one', 'TWILIO_AUTH_TOKEN', '0123456789abcdef0123456789abcdef, test'],
  ['an issuer without its keys', 'OIDC_ISSUER', 'https://id.example'],
  ['keys of an issuer over plain HTTP', 'OIDC_JWKS_URL', 'http://id.example/jwks'],
])('production refuses %s; a desk does not', (_, key, value) => {
  expect(problemsOf(production)).toBe('');
  expect(problemsOf({ ...production, [key]: value })).toMatch(new RegExp(`${key}\\b.*: `));
  expect(problemsOf({ ...production, [key]: value })).not.toContain(value);
  expect(problemsOf({ ...good, [key]: value })).toBe('');
});

test.each([
  ['RAPPEL_MASTER_KEY', `new:${random()},old:${random()}`], ['TWILIO_BASE_URL', 'https://twilio-proxy.example.org'], ['NATS_PASSWORD', 'p1f8b2c0'],
  ['NATS_URL', 'nats://loan:p1f8b2c0@nats-1:4222,nats://loan:p1f8b2c0@nats-2:4222'], ['DATABASE_URL', 'postgres://rappel@db/rappel'], ['DATABASE_URL', 'postgres://rappel:k3y@db-1:5432,db-2:5432/rappel'], ['EVENT_STORE_URL', 'esdb://node1:2113?tls=true'],
])('production takes a proper %s', (key, value) => {
  expect(problemsOf({ ...production, [key]: value })).toBe('');
});

test('production wants a login for NATS, of whatever kind', () => {
  const { NATS_PASSWORD: _, ...none } = production;
  expect(problemsOf(none)).toContain('NATS_PASSWORD, NATS_CREDS, NATS_NKEY_SEED or NATS_TLS_CERT: ');
  const logins: Record<string, string>[] = [{ NATS_CREDS: '/run/secrets/loan.creds' }, { NATS_NKEY_SEED: 'file:/run/secrets/seed' }, { NATS_TLS_CERT: '/tls/loan.pem' }, { NATS_URL: 'nats://loan:p0a1b2c3@nats:4222' }];
  for (const login of logins) expect(problemsOf({ ...none, ...login })).toBe('');
});

test('the clock follows its configuration', () => {
  const clock = clockFrom({ RAPPEL_CLOCK: `2027-03-28T00:00:00Z@${new Date().toISOString()}*3600` });
  expect(clock.now() >= '2027-03-28').toBe(true);
  expect(clock.realMsUntil('2027-03-28T01:00:00Z')).toBeLessThanOrEqual(1000);
});
