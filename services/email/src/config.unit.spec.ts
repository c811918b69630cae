import { expect, test } from '@jest/globals';
import { parseConfig } from '@rappel/service-kit';
import { emailConfig } from './config.ts';

const needed = { DATABASE_URL: 'postgres://rappel@localhost/rappel', RAPPEL_MASTER_KEY: Buffer.alloc(32, 9).toString('base64') };
const parse = (env: Record<string, string>) => parseConfig(emailConfig, { ...needed, ...env });

test.each(['a@x.fr', 'Rappel <a@localhost>', '"Last, First" <a@x.fr>', 'Prêt @ École <a@x.fr>', '<a@x.fr>'])('%s sends', (from) => {
  expect(parse({ SMTP_FROM: from }).SMTP_FROM).toBe(from);
});

test.each(['A <a@x.fr>, B <b@x.fr>', 'a@x.fr, b@x.fr', 'a@x.fr; b@x.fr', 'a@x.fr b@x.fr', 'A <a@x.fr> <b@x.fr>', 'A, <a@x.fr>', 'desks: a@x.fr, b@x.fr;', 'Rappel', '<mailto:a@x.fr>', 'a@b@x.fr', 'a@x.fr\r\nBcc: b@x.fr'])('%j is not one sender', (from) => {
  expect(() => parse({ SMTP_FROM: from })).toThrow('SMTP_FROM: expected one sender: Name <address>');
});

test.each(['/nowhere/ca.pem', import.meta.filename])('an authority is a file of certificates, %s is not', (file) => {
  expect(() => parse({ SMTP_TLS_CA: file })).toThrow('SMTP_TLS_CA: expected a PEM file of certificates that can be read');
});
