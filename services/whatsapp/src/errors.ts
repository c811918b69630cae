import { classifyTwilio, type SendResult } from '@rappel/notification';
import { lineSettings, tlsTrouble } from '@rappel/tls';

/** What the SDK throws: Twilio's refusal (`status`, `code`) or the connection's end (`code` in letters, `syscall`). */
interface TwilioError extends Error {
  readonly status?: number;
  readonly code?: number | string;
  readonly syscall?: string;
  readonly cause?: unknown;
}

const NEVER_LEFT = /^(ELEASE|ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|EPROTO|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|ERR_TLS_|ERR_SSL_)/;

/** The request was not written: over its lease, no name, no route, no TLS, or nobody listening. */
function neverLeft({ code, syscall }: TwilioError): boolean {
  return typeof code === 'string' && (NEVER_LEFT.test(code) || (code === 'ETIMEDOUT' && syscall === 'connect'));
}

/** The connection ended: whether Twilio took the message depends on whether the request had left. */
function broken(error: TwilioError): { result: SendResult; listed: boolean } {
  const trouble = neverLeft(error) ? tlsTrouble(error, lineSettings.twilio) : undefined;
  const text = `Twilio API error ${error.code ?? ''}: ${trouble?.text ?? withoutNumbers(error.message)}`;
  // A certificate that is not trusted, e.g. of a proxy that looks inside: it concerns everybody, and trying again does not mend it.
  if (trouble) return { result: { kind: 'failed', failure: { class: 'CONFIG', code: trouble.code, text } }, listed: true };
  const { class: errorClass, listed } = classifyTwilio({ written: !neverLeft(error) });
  if (errorClass === 'UNKNOWN') return { result: { kind: 'unknown', text }, listed };
  return { result: { kind: 'failed', failure: { class: errorClass, code: String(error.code), text } }, listed };
}

/** What a thrown error of the SDK means. `listed` false = no table knows the code. */
export function failureOf(thrown: unknown): { result: SendResult; listed: boolean } {
  const error = thrown as TwilioError;
  if (typeof error.status !== 'number') return broken(error);
  const code = String(error.code ?? error.status);
  const { class: errorClass, listed } = classifyTwilio({ code, status: error.status });
  const text = `Twilio API error ${code}: ${withoutNumbers(error.message)}`;
  if (errorClass === 'UNKNOWN') return { result: { kind: 'unknown', text }, listed };
  return { result: { kind: 'failed', failure: { class: errorClass, code, text } }, listed };
}

// Twilio quotes the number it refuses; the log is no place for it.
const withoutNumbers = (text: string): string => text.replace(/\+?\d[\d\s]{6,}\d/g, '<number>').slice(0, 500);
