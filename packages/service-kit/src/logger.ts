import { pino } from 'pino';
import type { DestinationStream, Logger, LoggerOptions } from 'pino';
import { scrub } from './scrub.ts';
import { traceFields } from './trace.ts';

export type { Logger } from 'pino';

// Loaded only for eyes: a service under a supervisor writes JSON.
const pretty = process.stdout.isTTY ? (await import('pino-pretty')).default : undefined;

const personal = ['personal', 'borrower', 'recipient', 'to', 'email', 'phone', 'firstName', 'lastName', 'address', 'name.first', 'name.last'];
const secret = ['authorization', 'password', 'token', 'apiKey', 'masterKey', 'cookie', 'headers.authorization', 'headers.cookie'];
const paths = [...personal, ...secret].flatMap((path) => [path, `*.${path}`, `*.*.${path}`]);

const options = (name: string, level: string): LoggerOptions => ({
  name,
  level,
  base: { service: name },
  redact: { paths, censor: '[REDACTED]' },
  timestamp: pino.stdTimeFunctions.isoTime,
  formatters: { level: (label) => ({ level: label }) },
  mixin: traceFields,
  hooks: { streamWrite: scrub },
});

/**
 * JSON lines on standard output, pretty on a terminal, each with the trace it belongs to. Personal fields and secrets are
 * redacted by path, and whatever looks like an email address or a telephone number is taken out of the whole line.
 */
export function createLogger(name: string, { LOG_LEVEL }: { LOG_LEVEL?: string } = {}, destination?: DestinationStream): Logger {
  const settings = options(name, LOG_LEVEL ?? 'info');
  if (destination) return pino(settings, destination);
  return pretty ? pino(settings, pretty({ ignore: 'pid,hostname,name' })) : pino(settings);
}
