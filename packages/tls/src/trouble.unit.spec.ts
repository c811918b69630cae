import { expect, test } from '@jest/globals';
import { mailEncryption, tlsTrouble } from './index.ts';

const settings = { ca: 'THE_CA', address: 'THE_HOST', plain: 'leave it' };

test.each([
  [{ code: 'SELF_SIGNED_CERT_IN_CHAIN', message: 'self-signed certificate in certificate chain' }, 'SELF_SIGNED_CERT_IN_CHAIN', /^self-signed certificate in certificate chain: give .* in THE_CA, or in NODE_EXTRA_CA_CERTS$/],
  [{ code: 'ESOCKET', originalCode: 'ERR_TLS_CERT_ALTNAME_INVALID', message: 'no', reason: 'Host: a is not in the cert' }, 'ERR_TLS_CERT_ALTNAME_INVALID', /^no: .* THE_HOST$/],
  [{ message: 'refused', cause: { code: 'CERT_HAS_EXPIRED', message: 'certificate has expired' } }, 'CERT_HAS_EXPIRED', /renewed/],
  [{ code: 'CERT_REVOKED', message: 'revoked' }, 'CERT_REVOKED', /mended/],
  [{ code: 'EPROTO', message: 'write EPROTO 80AC:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:../deps/x.c:350:\n' }, 'NO_TLS', /^wrong version number: .*: leave it$/],
  [{ message: 'The server does not support SSL connections' }, 'NO_TLS', /leave it$/],
  [{ code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', message: 'x', library: 'SSL routines', reason: 'tlsv1 alert protocol version' }, 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', /^tlsv1 alert protocol version: .*up to date$/],
])('%j is a matter of settings or certificates', (error, code, text) => {
  expect(tlsTrouble(error, settings)).toEqual({ code, text: expect.stringMatching(text) });
});

test.each([undefined, 'text', {}, { code: 'ECONNRESET', message: 'Client network socket disconnected before secure TLS connection was established' }, { code: 'ERR_SSL_UNEXPECTED_EOF_WHILE_READING' },
  { code: 'ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC' }, { code: 'ETIMEDOUT', cause: { code: 'ECONNREFUSED' } }])('%j is not', (error) => {
  expect(tlsTrouble(error, settings)).toBeUndefined();
});

test.each([
  ['a login elsewhere', { host: 'smtp.example.org', port: 587, login: true }, { secure: false, requireTLS: true, tls: { rejectUnauthorized: true } }],
  ['a login at an address that only begins like this machine', { host: '127.0.0.1.example.org', port: 587, login: true }, { requireTLS: true }],
  ['a login elsewhere, in clear where asked for', { host: 'smtp.example.org', port: 587, login: true, requireTls: false }, { requireTLS: false, tls: { rejectUnauthorized: true } }],
  ['no login elsewhere', { host: '10.0.0.25', port: 25, login: false }, { requireTLS: false, tls: { rejectUnauthorized: true } }],
  ['no login elsewhere, TLS asked for', { host: '10.0.0.25', port: 25, login: false, requireTls: true }, { requireTLS: true }],
  ['a login on this machine', { host: 'localhost', port: 25, login: true }, { requireTLS: false, tls: { rejectUnauthorized: false } }],
  ['an authority given for this machine', { host: '::1', port: 25, login: false, ca: 'PEM' }, { tls: { ca: 'PEM', rejectUnauthorized: true } }],
  ['TLS asked for on this machine', { host: '127.0.0.1', port: 25, login: false, requireTls: true }, { requireTLS: true, tls: { rejectUnauthorized: true } }],
  ['port 465', { host: '127.0.0.1', port: 465, login: true }, { secure: true, tls: { rejectUnauthorized: true } }],
  ['port 465 in clear where asked for', { host: 'smtp.example.org', port: 465, secure: false, login: true }, { secure: false, requireTLS: true }],
])('mail: %s', (_, server, options) => {
  expect(mailEncryption(server)).toMatchObject(options);
});
