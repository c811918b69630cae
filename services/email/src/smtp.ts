import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { classifySmtp, type Outgoing, type Provider, type SendResult } from '@rappel/notification';
import type { Renderer } from '@rappel/templates';
import { mailEncryption } from '@rappel/tls';
import addressparser from 'nodemailer/lib/addressparser';
import type { EmailConfig } from './config.ts';
import { openConnections, type Connections, type SmtpError } from './connections.ts';
import { explain } from './failures.ts';
import { writeMail, type Written } from './mime.ts';

interface SmtpOptions {
  readonly config: Pick<EmailConfig, 'SMTP_HOST' | 'SMTP_PORT' | 'SMTP_FROM' | 'SMTP_CONNECTIONS' | 'SMTP_TIMEOUT_MS' | 'RAPPEL_EMAIL_UNKNOWN'>
    & Partial<Pick<EmailConfig, 'SMTP_USER' | 'SMTP_PASSWORD' | 'SMTP_SECURE' | 'SMTP_REQUIRE_TLS' | 'SMTP_TLS_CA'>>;
  readonly renderer: Renderer;
  /** Page that switches a borrower's mails off; undefined = none. */
  readonly unsubscribeUrl: (borrowerId: string) => string | undefined;
}

const ADDRESS = /^[^\s@<>()[\]\\,;:"]{1,64}@[^\s@<>()[\]\\,;:"]+\.[^\s@<>()[\]\\,;:".]{2,}$/u;

/** Whether the message itself was handed over: from then on its fate may be unknown. `before` = real milliseconds since 1970. */
interface HandOver { begun: boolean; readonly before: number }

/** The message as a stream, which SMTP reads only once the server said that it is ready. */
const handingOver = (raw: Buffer, handOver: HandOver): Readable => new Readable({
  read() {
    // The last look at the clock: the process may have been frozen since the first.
    if (Date.now() >= handOver.before) {
      this.destroy(new Error('held up until the lease was over: nothing was sent'));
      return;
    }
    handOver.begun = true;
    this.push(raw);
    this.push(null);
  },
});

/** How long a connection is kept for the next mail: a new one waits for the greeting, which some servers hold back on purpose. Servers keep theirs for minutes. */
const IDLE_MS = 60_000;

const connectionsTo = ({ SMTP_HOST, SMTP_PORT, SMTP_USER, SMTP_PASSWORD = '', SMTP_SECURE, SMTP_REQUIRE_TLS, SMTP_TLS_CA, SMTP_CONNECTIONS, SMTP_TIMEOUT_MS }: SmtpOptions['config']): Connections => openConnections({
  server: {
    host: SMTP_HOST, port: SMTP_PORT,
    ...mailEncryption({ host: SMTP_HOST, port: SMTP_PORT, secure: SMTP_SECURE, login: SMTP_USER !== undefined, requireTls: SMTP_REQUIRE_TLS, ca: SMTP_TLS_CA && readFileSync(SMTP_TLS_CA, 'utf8') }),
    connectionTimeout: SMTP_TIMEOUT_MS / 3, greetingTimeout: SMTP_TIMEOUT_MS / 3, dnsTimeout: SMTP_TIMEOUT_MS / 3, socketTimeout: Math.max(IDLE_MS, SMTP_TIMEOUT_MS),
  },
  login: SMTP_USER ? { user: SMTP_USER, pass: SMTP_PASSWORD } : undefined,
  most: SMTP_CONNECTIONS,
  timeoutMs: SMTP_TIMEOUT_MS,
  silentMs: SMTP_TIMEOUT_MS / 1.5,
});

function failure(error: SmtpError, { begun }: HandOver, recipient: string): SendResult {
  const { code, reply, response, name, text: said } = explain(error, begun);
  const { class: errorClass, enhanced } = classifySmtp({ code, reply, response, afterData: begun });
  const text = `SMTP error ${[reply ?? name, enhanced].filter(Boolean).join(' ')}: ${withoutAddress(said, recipient)}`;
  if (errorClass === 'UNKNOWN') return { kind: 'unknown', text };
  return { kind: 'failed', failure: { class: errorClass, code: enhanced ?? String(reply ?? name), text } };
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
  const connections = connectionsTo(config);
  const [from = { name: '', address: config.SMTP_FROM }] = addressparser(config.SMTP_FROM, { flatten: true });

  async function send(outgoing: Outgoing, sendBefore: string): Promise<SendResult> {
    const messageId = messageIdOf(outgoing.notificationId, from.address);
    const handOver: HandOver = { begun: false, before: Date.parse(sendBefore) };
    let mail: Written;
    try {
      mail = compose(outgoing, messageId);
    } catch (error) {
      return { kind: 'failed', failure: { class: 'CONTENT', code: 'template', text: (error as Error).message } };
    }
    try {
      await connections.send({ envelope: mail.envelope, open: () => handingOver(mail.raw, handOver), begun: () => handOver.begun });
      return { kind: 'accepted', providerId: messageId };
    } catch (error) {
      return failure(error as SmtpError, handOver, outgoing.recipient);
    }
  }

  function compose({ model, recipient, borrowerId, notificationId, attemptId }: Outgoing, messageId: string): Written {
    const url = unsubscribeUrl(borrowerId);
    const { subject, html, text } = renderer.email(url ? { unsubscribeUrl: url, ...model } : model);
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
    close: () => connections.close(),
  };
}
