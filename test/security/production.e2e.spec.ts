import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { services } from './support/system.ts';

const desk = {
  RAPPEL_AUTH: 'off', RAPPEL_CLOCK: '2026-01-01T00:00:00Z@2026-01-01T00:00:00Z*60', TWILIO_BASE_URL: 'http://127.0.0.1:4010', TWILIO_AUTH_TOKEN: 'your_auth_token_here',
  RAPPEL_MASTER_KEY: Buffer.alloc(32, 1).toString('base64'), DATABASE_URL: 'postgres://rappel:postgres@127.0.0.1:1/rappel', NATS_PASSWORD: 'changeme',
};

test.each(services)('%s does not start in production with a desk’s settings, and says which', (name) => {
  const { status, stderr, stdout } = spawnSync(process.execPath, [join(import.meta.dirname, `../../dist/${name}.mjs`)], { encoding: 'utf8', env: { PATH: process.env['PATH'], NODE_ENV: 'production', ...desk }, timeout: 60_000 });
  expect([status, stdout]).toEqual([1, '']);
  for (const [key, value] of Object.entries(desk)) {
    expect(stderr).toContain(`${key}: `);
    expect(stderr).not.toContain(value === 'off' ? '"off"' : value);
  }
});
