import type { Readable } from 'node:stream';
import { classifySmtp, type Outgoing, type Provider, type SendResult } from '@rappel/notification';
import type { Renderer } from '@rappel/templates';
import nodemailer from 'nodemailer';
import type { EmailConfig } from './config.ts';
import { writeMail, type Written } from './mime.ts';

interface SmtpOptions {
  readonly config: Pick<EmailConfig, 'SMTP_HOST' | 'SMTP_PORT' | 'SMTP_USER' | 'SMTP_PASSWORD' | 'SMTP_FROM' | 'SMTP_SECURE' | 'SMTP_CONNECTIONS' | 'SMTP_TIMEOUT_MS' | 'RAPPEL_EMAIL_UNKNOWN'>;
  readonly renderer: Renderer;
  /** Page that switches a borrower's mails off; undefined = none. */
  readonly unsubscribeUrl: (borrowerId: string) => string | undefined;
}

const ADDRESS = /^[^\s@<>()[\]\\,;:"]{1,64}@[^\s@<>()[\]\\,;:"]+\.[^\s@<>()[\]\\,;:".]{2,}$/u;

/** Whether the message itself was handed over: from then on its fate may be unknown. */
interface HandOver { begun: boolean; readonly before: number }
interface Traced { readonly data: { readonly handOver?: HandOver }; readonly message: { createReadStream(): Readable } }

// nodemailer does not say where a broken connection broke; the message's stream is piped only once the server said 354.
function traceHandOver(mail: unknown, next: () => void): void {
  const { data, message } = mail as Traced;
  const create = message.createReadStream.bind(message);
  message.createReadStream = () => {
    const stream = create();
    const pipe = stream.pipe.bind(stream);
    stream.pipe = (destination, options) => {
      // The last look at the clock: the process may have been frozen since the first.
      if (data.handOver && Date.now() >= data.handOver.before) {
        stream.destroy(new Error('held up until the lease was over: nothing was sent'));
        return destination;
      }
      if (data.handOver) data.handOver.begun = true;
      return pipe(destination, options);
    };
    return stream;
  };
  next();
}

function openTransport({ SMTP_HOST, SMTP_PORT, SMTP_USER, SMTP_PASSWORD, SMTP_SECURE, SMTP_CONNECTIONS, SMTP_TIMEOUT_MS }: SmtpOptions['config']) {
  const transport = nodemailer.createTransport({
    pool: true, host: SMTP_HOST, port: SMTP_PORT, secure: SMTP_SECURE, maxConnections: SMTP_CONNECTIONS, maxMessages: Infinity,
    // Only what meets an old connection that the server has just given up, before a byte of the message left, goes to another one: at worst past all that are old.
    maxRequeues: SMTP_CONNECTIONS,
    ...(SMTP_USER && { auth: { user: SMTP_USER, pass: SMTP_PASSWORD ?? '' } }),
    connectionTimeout: SMTP_TIMEOUT_MS / 3, greetingTimeout: SMTP_TIMEOUT_MS / 3, dnsTimeout: SMTP_TIMEOUT_MS / 3, socketTimeout: SMTP_TIMEOUT_MS / 1.5,
    disableFileAccess: true, disableUrlAccess: true,
  });
  transport.use('stream', traceHandOver as never);
  return transport;
}

interface SmtpError extends Error { readonly code?: string; readonly responseCode?: number; readonly response?: string }

// A server that says goodbye (421) closes the connection, and nodemailer then gives its words but not its number.
const replyOf = ({ responseCode, response = '' }: SmtpError): number | undefined => responseCode ?? (Number(/^[45]\d\d/.exec(response)?.[0]) || undefined);

function failure(error: SmtpError, handOver: HandOver, recipient: string): SendResult {
  const { code, response = '' } = error;
  const responseCode = replyOf(error);
  const { class: errorClass, enhanced } = classifySmtp({ code, reply: responseCode, response, afterData: handOver.begun });
  const text = `SMTP error ${[responseCode ?? code, enhanced].filter(Boolean).join(' ')}: ${withoutAddress(response || error.message, recipient)}`;
  if (errorClass === 'UNKNOWN') return { kind: 'unknown', text };
  return { kind: 'failed', failure: { class: errorClass, code: enhanced ?? String(responseCode ?? code), text } };
}

/** Servers like to quote the recipient, or the part before the @; the log is no place for either. */
export function withoutAddress(text: string, recipient: string): string {
  const mailbox = recipient.slice(0, recipient.lastIndexOf('@')).replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return text.replaceAll(/[^\s<>@]+@[^\s<>@]+/g, '<address>').replaceAll(new RegExp(`(?<![\\p{L}\\p{N}])${mailbox}(?![\\p{L}\\p{N}])`, 'giu'), '<address>').slice(0, 500);
}

/** Message-ID of every attempt of a notification: a server or mail program may recognise the second one. */
export const messageIdOf = (notificationId: string, from: string): string => `<${notificationId}@${/@([^\s>]+)/.exec(from)?.[1] ?? 'rappel.invalid'}>`;

/** Email as a channel. `close` ends the connections. */
export function createSmtpProvider({ config, renderer, unsubscribeUrl }: SmtpOptions): Provider & { close(): void } {
  const transport = openTransport(config);
  const from = config.SMTP_FROM;

  async function send(outgoing: Outgoing, sendBefore: string): Promise<SendResult> {
    const messageId = messageIdOf(outgoing.notificationId, from);
    const handOver: HandOver = { begun: false, before: Date.parse(sendBefore) };
    let mail: Written;
    try {
      mail = compose(outgoing, messageId);
    } catch (error) {
      return { kind: 'failed', failure: { class: 'CONTENT', code: 'template', text: (error as Error).message } };
    }
    // Not `AbortSignal.timeout`: that fires, and makes an error, long after most mails have gone.
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError')), config.SMTP_TIMEOUT_MS);
    try {
      await transport.sendMail({ ...mail, handOver, signal: late.signal } as never);
      return { kind: 'accepted', providerId: messageId };
    } catch (error) {
      return failure(error as SmtpError, handOver, outgoing.recipient);
    } finally {
      clearTimeout(timer);
    }
  }

  function compose({ model, recipient, borrowerId, notificationId, attemptId }: Outgoing, messageId: string): Written {
    const url = unsubscribeUrl(borrowerId);
    const { subject, html, text } = renderer.email({ ...model, ...(url && { unsubscribeUrl: url }) });
    return writeMail({
      from, to: recipient, subject, html, text, messageId, uniqueId: attemptId,
      headers: {
        'X-Rappel-Notification': notificationId,
        'X-Rappel-Attempt': attemptId,
        'Auto-Submitted': 'auto-generated',
        ...(url && { 'List-Unsubscribe': `<${url}>`, 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click' }),
      },
    });
  }

  return {
    channel: 'EMAIL',
    receipts: false,
    invalidAddress: 'Invalid recipient email address',
    sendTimeoutMs: config.SMTP_TIMEOUT_MS + 1000,
    address: (raw) => (raw.length <= 254 && ADDRESS.test(raw.trim()) ? raw.trim() : undefined),
    send,
    settle: async ({ resends }) => {
      // SMTP leaves no evidence to look for.
      if (config.RAPPEL_EMAIL_UNKNOWN === 'resend' && resends === 0) return { kind: 'not-sent', evidence: 'policy-resend' };
      return { kind: 'held', evidence: 'policy-hold' };
    },
    close: () => transport.close(),
  };
}
