import { describe, expect, it } from '@jest/globals';
import { isSigned, notificationOf, readBounceMail, signBounce } from './bounces.ts';

const id = 'd914fa12-4a78-5373-8bfb-9fd5244d2830';
const dsn = (action: string, status: string, messageId = `<${id}@example.org>`): string => [
  'From: MAILER-DAEMON@mx.example.org', 'To: pret@example.org', 'Subject: Undelivered', 'MIME-Version: 1.0',
  'Content-Type: multipart/report; report-type=delivery-status; boundary="b"', '', '--b', 'Content-Type: text/plain', '', 'It did not work.', '',
  '--b', 'Content-Type: message/delivery-status', '', 'Reporting-MTA: dns; mx.example.org', '', 'Final-Recipient: rfc822; jean@example.org', `Action: ${action}`, `Status: ${status}`, 'Diagnostic-Code: smtp; 550 no', '',
  '--b', 'Content-Type: message/rfc822', '', `Message-ID: ${messageId}`, 'Subject: Rappel', '', 'text', '', '--b--', ''].join('\r\n');

describe('bounce mails', () => {
  it('say which notification did not arrive, and how finally', async () => {
    expect(await readBounceMail(dsn('failed', '5.1.1'))).toEqual({ notificationId: id, kind: 'hard', status: '5.1.1' });
    expect(await readBounceMail(dsn('failed', '4.4.7'))).toEqual({ notificationId: id, kind: 'soft', status: '4.4.7' });
  });
  it.each([['5.1.1', 'hard'], ['5.2.1', 'hard'], ['5.0.0', 'hard'], ['', 'hard'], ['5.2.2', 'soft'], ['5.7.1', 'soft'], ['5.6.0', 'soft'], ['4.4.7', 'soft']])('with status "%s" are %s: only what is said of the address counts against it', async (status, kind) => {
    expect(await readBounceMail(dsn('failed', status))).toMatchObject({ kind });
  });
  it('that report a delay, are about other mails, or are no reports mean nothing', async () => {
    expect(await readBounceMail(dsn('delayed', '4.4.1'))).toBeUndefined();
    expect(await readBounceMail(dsn('failed', '5.1.1', '<somebody@else.example>'))).toBeUndefined();
    expect(await readBounceMail('Subject: hello\r\n\r\nhow are you')).toBeUndefined();
    expect(await readBounceMail('')).toBeUndefined();
    expect(notificationOf(`<${id.toUpperCase()}@example.org>`)).toBe(id);
  });
});

describe('signatures', () => {
  it('fit one content and five minutes', () => {
    const [secret, timestamp, now] = ['0123456789abcdef', '1000000', 1_000_000];
    const signature = signBounce(secret, timestamp, 'x');
    expect(isSigned(secret, { timestamp, signature, content: 'x', now })).toBe(true);
    expect(isSigned(secret, { timestamp, signature, content: 'y', now })).toBe(false);
    expect(isSigned(secret, { timestamp, signature, content: 'x', now: now + 300_001 })).toBe(false);
    expect(isSigned(secret, { timestamp: 'x', signature, content: 'x', now })).toBe(false);
    expect(isSigned(secret, { timestamp, signature: '', content: 'x', now })).toBe(false);
  });
});
