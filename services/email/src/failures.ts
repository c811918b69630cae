import { lineSettings, tlsTrouble } from '@rappel/tls';
import type { SmtpError } from './connections.ts';

export interface Explained {
  /** As `classifySmtp` takes them. */
  readonly code: string | undefined;
  readonly reply: number | undefined;
  readonly response: string;
  /** For the log where there is no reply. */
  readonly name: string | undefined;
  /** What the server said, or what happened; where only a change of settings helps, with what to change. */
  readonly text: string;
}

const NO_STARTTLS = 'no STARTTLS here, and nothing goes out in clear with a login or SMTP_REQUIRE_TLS=true: have the server offer it, use port 465, or set SMTP_REQUIRE_TLS=false';

/** What nodemailer's error means. `begun` = the message itself was handed over: what breaks then is no matter of settings. */
export function explain(error: SmtpError, begun: boolean): Explained {
  const { code, response = '', message } = error;
  const reply = replyOf(error);
  const said = { code, reply, response, name: code, text: response || message };
  const trouble = begun ? undefined : tlsTrouble(error, lineSettings.mail);
  if (trouble) return { ...said, code: 'ETLS', name: trouble.code, text: trouble.text };
  if (!isUnencrypted(error)) return said;
  // The line broke in the handshake: nobody refused anything.
  if (reply === undefined) return { ...said, code: 'ECONNECTION' };
  return reply < 500 ? said : { ...said, code: 'ETLS', text: `${NO_STARTTLS} (it said: ${response})` };
}

/** nodemailer gives up at EHLO when TLS is a must and the server does not know it. */
const isUnencrypted = ({ code, command }: SmtpError): boolean => code === 'ETLS' || (code === 'ECONNECTION' && command === 'EHLO');

// A server that says goodbye (421) closes the connection, and nodemailer then gives its words but not its number.
const replyOf = ({ responseCode, response = '' }: SmtpError): number | undefined => responseCode ?? (Number(/^[45]\d\d/.exec(response)?.[0]) || undefined);
