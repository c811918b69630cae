import { randomBytes } from 'node:crypto';
import { expect, test } from '@jest/globals';
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
});

test('production refuses what is fine on a desk', () => {
  const production = { ...good, NODE_ENV: 'production' };
  expect(problemsOf(production)).toBe('');
  const unsafe: Record<string, string> = {
    RAPPEL_CLOCK: '2026-01-01T00:00:00Z@2026-01-01T00:00:00Z*60',
    RAPPEL_AUTH: 'off',
    TWILIO_BASE_URL: 'http://127.0.0.1:4010',
    RAPPEL_MASTER_KEY: Buffer.alloc(32).toString('base64'),
    DATABASE_URL: 'postgres://rappel:rappel@db/rappel',
    NATS_URL: 'nats://loan:password@nats',
    NATS_PASSWORD: 'changeme',
    TWILIO_AUTH_TOKEN: 'test',
    OIDC_JWKS_URL: 'http://id.example/jwks',
  };
  for (const [key, value] of Object.entries(unsafe)) {
    expect(problemsOf({ ...production, [key]: value })).toContain(`${key}: `);
    expect(problemsOf({ ...good, [key]: value })).toBe('');
  }
});

test('the clock follows its configuration', () => {
  const clock = clockFrom({ RAPPEL_CLOCK: `2027-03-28T00:00:00Z@${new Date().toISOString()}*3600` });
  expect(clock.now() >= '2027-03-28').toBe(true);
  expect(clock.realMsUntil('2027-03-28T01:00:00Z')).toBeLessThanOrEqual(1000);
});
