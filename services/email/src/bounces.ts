import { createHmac, timingSafeEqual } from 'node:crypto';
import { classifySmtp } from '@rappel/notification';

/** What became of a mail after a server took it, whoever reports it. */
export interface Bounce {
  readonly notificationId: string;
  /** `hard` = the address takes no mail, `soft` = not this time, `complaint` = the borrower called it spam. */
  readonly kind: 'hard' | 'soft' | 'complaint';
  /** RFC 3463. */
  readonly status?: string;
}

const OURS = /([0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})@/i;

/** The notification that a Message-ID of ours names. */
export const notificationOf = (messageId: string): string | undefined => OURS.exec(messageId)?.[1]?.toLowerCase();

const ORIGINAL = /^(message\/rfc822|message\/rfc822-headers|text\/rfc822-headers)$/;
const field = (report: string, name: string): string => new RegExp(`^${name}:\\s*(.+)$`, 'im').exec(report)?.[1]?.trim() ?? '';

/** Reads a delivery status notification (RFC 3464); undefined when it is none, reports no failure, or is about no mail of ours. */
export async function readBounceMail(mail: string): Promise<Bounce | undefined> {
  // Loaded with the first report: few services ever get one.
  const { default: { simpleParser } } = await import('mailparser');
  const { attachments } = await simpleParser(mail, { skipHtmlToText: true, skipTextToHtml: true, skipImageLinks: true, keepDeliveryStatus: true } as object);
  const part = (type: RegExp): string => attachments.filter(({ contentType }) => type.test(contentType)).map(({ content }) => content.toString('utf8')).join('\n');
  const report = part(/^message\/delivery-status$/);
  const notificationId = notificationOf(field(part(ORIGINAL), 'message-id'));
  if (!notificationId || field(report, 'Action').toLowerCase() !== 'failed') return undefined;
  const status = /\d\.\d{1,3}\.\d{1,3}/.exec(field(report, 'Status'))?.[0];
  return { notificationId, kind: isDead(status) ? 'hard' : 'soft', ...(status && { status }) };
}

/** A full mailbox or a refused sender says nothing against the address; a final failure without more words does. */
const isDead = (status = '5.0.0'): boolean => status.startsWith('5') && classifySmtp({ reply: 550, response: `550 ${status} `, afterData: false }).class === 'RECIPIENT';

const MAX_AGE_MS = 300_000;

/** Signature of a report: HMAC-SHA256 in hexadecimal over `<timestamp>.<what it says>`, the timestamp in milliseconds. */
export const signBounce = (secret: string, timestamp: string, content: string): string => createHmac('sha256', secret).update(`${timestamp}.${content}`).digest('hex');

/** Whether a report is signed and not older than five minutes. */
export function isSigned(secret: string, { timestamp, signature, content, now }: { timestamp: string; signature: string; content: string; now: number }): boolean {
  const wanted = Buffer.from(signBounce(secret, timestamp, content));
  const given = Buffer.from(signature);
  return Math.abs(now - Number(timestamp)) <= MAX_AGE_MS && given.length === wanted.length && timingSafeEqual(given, wanted);
}
