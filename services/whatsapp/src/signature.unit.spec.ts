import { describe, expect, it } from '@jest/globals';
import { Counter } from 'prom-client';
import { getExpectedTwilioSignature } from 'twilio/lib/webhooks/webhooks.js';
import type { WhatsappConfig } from './config.ts';
import { receiptUrl } from './receipt-url.ts';
import { verifySignature } from './signature.ts';

const subject = {
  notification: { notificationId: 'd914fa12-4a78-5373-8bfb-9fd5244d2830', attributionId: 'loan-1', borrowerId: 'jean', type: 'RETARD', channel: 'WHATSAPP', dueVersion: 1, occurrence: 1 },
  attemptId: '1f9619ff-8b86-4d01-b42d-00cf4fc964ff', grouped: false,
} as const;
const refused = new Counter({ name: 'refused', help: 'test', labelNames: ['reason'], registers: [] });

describe('behind a proxy', () => {
  it.each([
    ['a host of its own', 'https://rappel.example.org', ''],
    ['a slash at its end', 'https://rappel.example.org/', ''],
    ['a path that the proxy takes away', 'https://example.org/prets/whatsapp', '/prets/whatsapp'],
  ])('receipts come to %s, and their signatures fit', (_, base, prefix) => {
    const url = receiptUrl(base, subject);
    const { pathname, search } = new URL(url);
    expect(pathname).toBe(`${prefix}/webhooks/twilio/status`);
    const form = { MessageSid: 'SM1', MessageStatus: 'delivered' };
    const config = { PUBLIC_URL: [base], TWILIO_AUTH_TOKEN: ['token'] } as unknown as WhatsappConfig;
    const path = pathname.slice(prefix.length) + search;
    expect(() => verifySignature(config, { path, form, signature: getExpectedTwilioSignature('token', url, form) }, refused)).not.toThrow();
    expect(() => verifySignature(config, { path, form: { ...form, MessageSid: 'SM2' }, signature: getExpectedTwilioSignature('token', url, form) }, refused)).toThrow('signature');
  });
});
