import { expect, test } from '@jest/globals';
import { createLogger } from './logger.ts';
import { scrub } from './scrub.ts';
import { currentTraceparent, withTrace } from './trace.ts';

test.each([
  ['to marie.durand+rappel@sous.example.org now', 'to [email] now'],
  ['url /x?to=marie%40example.org', 'url /x?to=[email]'],
  ['{"to":"é.dupont@exämple.fr"}', '{"to":"[email]"}'],
  ['whatsapp:+33612345678', 'whatsapp:[phone]'],
  ['call +33 6 12 34 56 78.', 'call [phone].'],
  ['call 06 12 34 56 78, or 0612345678', 'call [phone], or [phone]'],
  ['+1 (555) 010-9999', '[phone]'],
  ['to=%2B33612345678&x=1', 'to=[phone]&x=1'],
])('%s → %s', (text, clean) => {
  expect(scrub(text)).toBe(clean);
});

test.each([
  '{"time":"2026-11-22T20:01:02.123Z","pid":1234567890}',
  'notification 0612c4d8-1234-5678-9012-061234567890 at position 00000000000000123456',
  'took 0.123456789 ms, attempt 3 of 3, +2 more', 'port 127.0.0.1:4001', 'SM0123456789abcdef0123456789abcdef', '@nats-io/jetstream 3.4.0',
])('leaves alone: %s', (text) => {
  expect(scrub(text)).toBe(text);
});

test('a log line is JSON with its trace, without personal data or secrets', () => {
  const lines: string[] = [];
  const logger = createLogger('loan', {}, { write: (line) => { lines.push(line); } });
  withTrace(`00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`, () => logger.error({
    borrower: { firstName: 'Marie' }, notification: { recipient: 'Marie' }, req: { headers: { authorization: 'Bearer rpl_1' } },
    event: { personal: { fields: { firstName: 'Marie' } } }, err: new Error('550 <marie@example.org> unknown'),
  }, 'not sent to marie@example.org or +33612345678'));
  const line = JSON.parse(lines[0]!) as Record<string, unknown>;
  expect(line).toMatchObject({ level: 'error', service: 'loan', trace: 'a'.repeat(32), msg: 'not sent to [email] or [phone]' });
  expect(lines[0]).not.toMatch(/marie|rpl_1|612345678/i);
});

test('a trace goes on or begins anew', () => {
  const given = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
  withTrace(given, () => expect(currentTraceparent()).toMatch(new RegExp(`^00-${'a'.repeat(32)}-[0-9a-f]{16}-01$`)));
  withTrace('nonsense', () => expect(currentTraceparent()).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/));
  expect(currentTraceparent()).toBeUndefined();
});
