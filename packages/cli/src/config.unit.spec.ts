import { describe, expect, it } from '@jest/globals';
import { readConfig } from './config.ts';
import { exitCodes, toToolError } from './errors.ts';

const configOf = (environment: Record<string, string>) => readConfig({ RAPPEL_RUNNING: '/nonexistent', ...environment });
const told = (work: () => unknown): unknown => {
  try {
    return work();
  } catch (error) {
    const { message, exitCode } = toToolError(error);
    return { message, exitCode };
  }
};

describe('a setting that cannot be one', () => {
  it.each([
    ['DATABASE_URL', 'nonsense', (config: ReturnType<typeof configOf>) => config.require('DATABASE_URL')],
    ['RAPPEL_LOG_URL', 'localhost:4005', (config: ReturnType<typeof configOf>) => config.url('notification-log')],
    ['RAPPEL_LOAN_URL', 'http://', (config: ReturnType<typeof configOf>) => config.url('loan')],
  ])('is named, its value is not: %s=%s', (key, value, use) => {
    expect(told(() => use(configOf({ [key]: value })))).toEqual({ message: expect.stringMatching(`^${key}: expected (postgres|http)://`), exitCode: exitCodes.usage });
  });

  it('is one when it fits', () => {
    expect(configOf({ DATABASE_URL: 'postgresql://rappel@db/rappel' }).require('DATABASE_URL')).toBe('postgresql://rappel@db/rappel');
    expect(configOf({ RAPPEL_LOG_URL: 'https://log.example.org' }).url('notification-log')).toBe('https://log.example.org');
  });
});

describe('an error', () => {
  it.each([
    ['ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:1', 'PostgreSQL is not available: connect ECONNREFUSED 127.0.0.1:1 (DATABASE_URL)', exitCodes.unreachable],
    ['store-unavailable', 'PostgreSQL is not available: connect ECONNREFUSED 127.0.0.1:1', 'PostgreSQL is not available: connect ECONNREFUSED 127.0.0.1:1', exitCodes.unreachable],
    ['28P01', 'password authentication failed for user "rappel"', 'password authentication failed for user "rappel" (DATABASE_URL, EVENT_STORE_URL)', exitCodes.usage],
    ['master-key-missing', 'the master key 4fdc80c4 is not configured', 'the master key 4fdc80c4 is not configured (RAPPEL_MASTER_KEY)', exitCodes.usage],
  ])('of the kind %s says what is to be looked at', (code, message, text, exitCode) => {
    expect(told(() => { throw Object.assign(new Error(message), { code }); })).toEqual({ message: text, exitCode });
  });
});
