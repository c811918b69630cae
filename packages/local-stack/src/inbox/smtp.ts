import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { SMTPServer, type SMTPServerSession } from 'smtp-server';
import type { createFailures, Failure, InboxSettings } from './failures.ts';
import type { MailStore } from './mails.ts';

/** PEM files. STARTTLS is offered, or TLS spoken from the first byte (`implicit`). */
export interface InboxTls { cert: string; key: string; implicit?: boolean }

interface SmtpParts {
  port: number;
  /** The only login accepted; default: any, or none. */
  login?: { user: string; password: string };
  tls?: InboxTls;
  store: MailStore;
  failures: ReturnType<typeof createFailures>;
  settings: () => InboxSettings;
  random: () => number;
  now: () => Date;
}

/** The SMTP side of the inbox; returns how to stop it. */
export async function listenSmtp(parts: SmtpParts): Promise<() => Promise<void>> {
  const { settings, failures, login, tls } = parts;
  const sockets = new Map<number, Socket>();
  const timers = new Set<NodeJS.Timeout>();
  const later = (milliseconds: number, work: () => void) => {
    const timer = setTimeout(() => { timers.delete(timer); work(); }, milliseconds);
    timers.add(timer);
  };
  const cut = ({ remotePort }: SMTPServerSession) => { sockets.get(remotePort)?.destroy(); };
  const server = new SMTPServer({
    ...(tls ? { secure: tls.implicit ?? false, cert: readFileSync(tls.cert), key: readFileSync(tls.key) } : { disabledCommands: ['STARTTLS'] }),
    authOptional: true, allowInsecureAuth: true, disableReverseLookup: true, hideENHANCEDSTATUSCODES: true,
    logger: false, socketTimeout: 10 * 60_000, closeTimeout: 100, maxAllowedUnauthenticatedCommands: false,
    onConnect: (_session, done) => {
      const code = settings().refuseConnections;
      done(code ? smtpError(code, '4.3.2 not now') : null);
    },
    onAuth: ({ username, password }, _session, done) => {
      const known = !login || (username === login.user && password === login.password);
      if (settings().refuseLogins || !known) done(smtpError(535, '5.7.8 authentication failed'));
      else done(null, { user: username ?? 'anybody' });
    },
    onRcptTo: ({ address }, session, done) => {
      const failure = failures.strike(address, 'rcpt', 'cut-rcpt', 'slow-rcpt');
      if (failure?.at === 'cut-rcpt') cut(session);
      else if (failure?.at === 'slow-rcpt') later(failure.milliseconds ?? 0, done);
      else done(failure && smtpError(failure.code ?? 550, failure.text ?? ''));
    },
    onData: (stream, session, done) => {
      const answer = async () => {
        const { isCut, waitMs, error } = await receive(stream, session, parts);
        if (isCut) cut(session);
        else later(waitMs, () => done(error));
      };
      void answer();
    },
  });
  server.server.on('connection', (socket: Socket) => {
    const port = socket.remotePort ?? 0;
    sockets.set(port, socket);
    socket.once('close', () => sockets.delete(port));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(parts.port, '127.0.0.1', () => resolve());
  });
  // Clients that vanish are part of the tests.
  server.on('error', () => undefined);
  return async () => {
    const closed = new Promise<void>((resolve) => { server.close(() => resolve()); });
    for (const timer of timers) clearTimeout(timer);
    for (const socket of sockets.values()) socket.destroy();
    await closed;
  };
}

interface Reply { isCut?: boolean; error?: Error; waitMs: number }

async function receive(stream: Readable, { envelope }: SMTPServerSession, parts: SmtpParts): Promise<Reply> {
  const { store, failures, settings, now } = parts;
  const raw = await collect(stream);
  // A client that leaves in the middle of a mail has delivered nothing.
  if (!raw) return { isCut: true, waitMs: 0 };
  const recipients = envelope.rcptTo.map(({ address }) => address);
  const asked = recipients.map((address) => failures.strike(address, 'reply', 'cut-data', 'slow-data')).find(Boolean);
  const failure: Partial<Failure> = asked ?? accident(parts) ?? {};
  const { at: answered = '250', milliseconds: waitMs = settings().latencyMs, code = 554, text = '' } = failure;
  if (answered === 'reply') return { error: smtpError(code, text), waitMs };
  const envelopeFrom = envelope.mailFrom ? envelope.mailFrom.address : '';
  store.add({ raw, envelopeFrom, envelopeTo: recipients, receivedAt: now().toISOString(), answered });
  return { isCut: answered === 'cut-data', waitMs };
}

function accident({ random, settings }: SmtpParts): Failure | undefined {
  const dice = random();
  const { dropAfterData, tempfail } = settings();
  if (dice < dropAfterData) return { at: 'cut-data' };
  return dice < dropAfterData + tempfail ? { at: 'reply', code: 451, text: '4.3.0 try again later' } : undefined;
}

function smtpError(responseCode: number, text: string): Error {
  return Object.assign(new Error(text), { responseCode });
}

async function collect(stream: Readable): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  } catch {
    return undefined;
  }
}
