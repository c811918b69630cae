import { expect, test } from '@jest/globals';
import { failureOf } from './errors.ts';

const thrown = (code: string, message = 'no', more: object = {}): Error => Object.assign(new Error(message), { code, ...more });

test.each([
  [thrown('SELF_SIGNED_CERT_IN_CHAIN', 'self-signed certificate in certificate chain'), { kind: 'failed', failure: { class: 'CONFIG', code: 'SELF_SIGNED_CERT_IN_CHAIN', text: expect.stringContaining('NODE_EXTRA_CA_CERTS') } }],
  [thrown('CERT_HAS_EXPIRED'), { kind: 'failed', failure: { class: 'CONFIG' } }],
  [thrown('ECONNREFUSED'), { kind: 'failed', failure: { class: 'TRANSIENT' } }],
  [thrown('ETIMEDOUT', 'connect', { syscall: 'connect' }), { kind: 'failed', failure: { class: 'TRANSIENT' } }],
  [thrown('ECONNRESET'), { kind: 'unknown' }],
])('%s: %j', (error, result) => {
  expect(failureOf(error).result).toMatchObject(result);
});
