import type { Readable } from 'node:stream';
import SMTPConnection, { type SMTPConnectionOptions } from 'nodemailer/lib/smtp-connection';
import pLimit from 'p-limit';

export interface ConnectionsOptions {
  readonly server: SMTPConnectionOptions;
  /** Used where the server asks for one. Default: none. */
  readonly login?: { readonly user: string; readonly pass: string } | undefined;
  /** Most connections open at once. */
  readonly most: number;
  /** Longest send, real milliseconds, waiting for a connection included. */
  readonly timeoutMs: number;
  /** Silence after which a connection that was used before counts as dead and the mail, if nothing of it was handed over, goes to another one; real milliseconds. */
  readonly silentMs: number;
}

export interface Mail {
  readonly envelope: { readonly from: string | false; readonly to: string[] };
  /** The message, anew for each connection that is tried; the first byte is asked for once the server is ready for it. */
  readonly open: () => Readable;
  /** Whether any of it was handed over. */
  readonly begun: () => boolean;
}

/** nodemailer's: `code` and `command` say where it broke, `responseCode` and `response` what the server said. */
export interface SmtpError extends Error { readonly code?: string; readonly command?: string; readonly responseCode?: number; readonly response?: string }

export interface Connections {
  /** Resolves once the server took the mail, rejects with an `SmtpError`: after `timeoutMs` with `ETIMEDOUT`, and nothing more is sent of it. */
  send(mail: Mail): Promise<void>;
  /** Ends those that are idle at once, the others after their mail. */
  close(): void;
}

interface Line {
  readonly smtp: SMTPConnection;
  open: boolean;
  used: boolean;
  /** The server refused the last mail and has to be told to forget it. */
  refused: boolean;
  error?: Error;
}

interface Job { readonly mail: Mail; line?: Line; late: boolean }

/**
 * nodemailer's connections, each kept for the next mail until `socketTimeout` or the server ends it. The library's own pool takes
 * mails only through its composer and four streams, which is more than half of what sending one costs.
 */
export function openConnections({ server, login, most, timeoutMs, silentMs }: ConnectionsOptions): Connections {
  const idle: Line[] = [];
  const limit = pLimit(most);
  let closed = false;

  async function take(): Promise<Line> {
    for (let line = idle.pop(); line; line = idle.pop()) {
      if (line.open && await isReady(line)) return line;
    }
    return connect(server, login);
  }

  function giveBack(line: Line): void {
    if (closed) line.smtp.close();
    else if (line.open) idle.push(line);
  }

  async function transfer(job: Job): Promise<void> {
    while (!job.late) {
      const line = await take();
      try {
        if (await passOn(line, job, silentMs)) return;
      } finally {
        giveBack(line);
      }
    }
  }

  return {
    async send(mail) {
      const job: Job = { mail, late: false };
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => {
          job.late = true;
          job.line?.smtp.close();
          reject(failure('ETIMEDOUT', 'no answer in time'));
        }, timeoutMs);
      });
      await Promise.race([limit(transfer, job), late]).finally(() => clearTimeout(timer));
    },
    close() {
      closed = true;
      for (const { smtp } of idle.splice(0)) smtp.close();
    },
  };
}

/** False = the connection was an old one that the server has just given up, before a byte of the message left: at worst that is so of all that are old. */
async function passOn(line: Line, job: Job, silentMs: number): Promise<boolean> {
  const { mail } = job;
  const { used } = line;
  if (job.late) return true;
  job.line = line;
  line.used = true;
  const silence = setTimeout(() => { if (used && !mail.begun()) line.smtp.close(); }, silentMs);
  try {
    await answer(line, (done) => line.smtp.send({ from: mail.envelope.from, to: mail.envelope.to }, mail.open(), done));
    return true;
  } catch (error) {
    line.refused = isRefusal(error as SmtpError);
    if (!line.refused) line.smtp.close();
    if (used && !mail.begun() && isGone(error as SmtpError)) return false;
    throw error;
  } finally {
    clearTimeout(silence);
    job.line = undefined;
  }
}

async function connect(server: SMTPConnectionOptions, login: ConnectionsOptions['login']): Promise<Line> {
  const smtp = new SMTPConnection(server);
  const line: Line = { smtp, open: true, used: false, refused: false };
  smtp.on('error', (error: Error) => { line.error = error; });
  smtp.once('end', () => { line.open = false; });
  try {
    await answer(line, (done) => smtp.connect(done));
    if (login && smtp.allowsAuth) await answer(line, (done) => smtp.login({ credentials: login }, done));
    return line;
  } catch (error) {
    smtp.close();
    throw error;
  }
}

/** After a mail that was refused the connection is as good as new once the server has forgotten it. */
async function isReady(line: Line): Promise<boolean> {
  if (!line.refused) return true;
  line.refused = false;
  return answer(line, (done) => line.smtp.reset(done)).then(() => true, () => {
    line.smtp.close();
    return false;
  });
}

/** What the server answers, or why it never will: a connection that ends says so first and, at times, what the server's last words were after it. */
function answer(line: Line, ask: (done: (error?: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const ended = (): void => { setImmediate(() => reject(line.error ?? failure('ECONNECTION', 'the connection ended'))); };
    line.smtp.once('end', ended);
    ask((error) => {
      line.smtp.removeListener('end', ended);
      if (error) reject(error);
      else resolve();
    });
  });
}

const failure = (code: string, message: string): SmtpError => Object.assign(new Error(message), { code });
const isRefusal = ({ code, responseCode }: SmtpError): boolean => (code === 'EENVELOPE' || code === 'EMESSAGE') && responseCode !== undefined && responseCode !== 421;
const GONE = ['ECONNECTION', 'ESOCKET', 'ETIMEDOUT'];
const isGone = ({ code = '', responseCode }: SmtpError): boolean => responseCode === 421 || GONE.includes(code);
