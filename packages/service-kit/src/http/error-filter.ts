import { Catch, HttpException } from '@nestjs/common';
import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { Logger } from '../logger.ts';
import { scrub } from '../scrub.ts';
import { InvalidInput } from './endpoint.ts';

interface Answer { readonly status: number; readonly code: string; readonly message: string; readonly issues?: readonly unknown[] }
interface Coded { readonly name?: string; readonly code?: unknown; readonly message?: string; readonly statusCode?: number }

const codes: Readonly<Record<number, string>> = {
  400: 'bad-request', 401: 'unauthorized', 403: 'forbidden', 404: 'not-found', 405: 'method-not-allowed', 406: 'not-acceptable',
  408: 'request-timeout', 409: 'conflict', 410: 'gone', 413: 'too-large', 414: 'uri-too-long', 415: 'unsupported-media-type', 422: 'unprocessable',
  429: 'too-many-requests', 431: 'headers-too-large', 501: 'not-implemented', 503: 'unavailable',
};

const byStatus = (status: number, message: string): Answer => ({ status, code: codes[status] ?? (status < 500 ? 'bad-request' : 'internal'), message });

const byCode: Readonly<Record<string, Omit<Answer, 'code'>>> = {
  'version-conflict': { status: 409, message: 'somebody else changed it at the same moment; try again' },
  'event-refused': { status: 422, message: 'this cannot be stored' },
  'log-missing': { status: 503, message: 'the log is being built; try again soon' },
  'store-unavailable': { status: 503, message: 'the event store does not answer; try again' },
};

/** A domain refusal: its class name ends in `Refused`, its code says what. Unknown things are 404, broken rules 409. */
function refusal({ name, code, message }: Coded): Answer | undefined {
  if (typeof code !== 'string') return undefined;
  if (byCode[code]) return { code, ...byCode[code] };
  if (!name?.endsWith('Refused')) return undefined;
  const status = /^(?:unknown|absent|no)-/.test(code) ? 404 : 409;
  return { status, code, message: message ?? code };
}

function answerFor(error: unknown): Answer {
  if (error instanceof InvalidInput) return { status: 400, code: error.code, message: error.message, issues: error.issues };
  if (error instanceof HttpException) return byStatus(error.getStatus(), error.message);
  const coded = (error ?? {}) as Coded;
  const { statusCode } = coded;
  // Fastify's own: bad JSON, too large, wrong type, too many.
  if (statusCode && statusCode >= 400 && statusCode < 500) return byStatus(statusCode, coded.message ?? '');
  return refusal(coded) ?? { status: 500, code: 'internal', message: 'something went wrong on our side' };
}

/** What Fastify itself refuses before there is a route: the same shape. */
export function refuseEarly(error: { statusCode?: number; message: string }, _: unknown, reply: FastifyReply): void {
  const { status, code } = byStatus(error.statusCode ?? 400, '');
  void reply.status(status).type('application/json; charset=utf-8').send({ error: { code, message: scrub(error.message).slice(0, 200) } });
}

/** The one place where errors become statuses: `{ error: { code, message, issues? } }`, never a stack trace or an address. */
export function createErrorFilter(logger: Logger): ExceptionFilter {
  @Catch()
  class ErrorFilter implements ExceptionFilter {
    catch(error: unknown, host: ArgumentsHost): void {
      const { status, code, message, issues } = answerFor(error);
      if (status >= 500) logger.error({ err: error }, 'request failed');
      const reply = host.switchToHttp().getResponse<FastifyReply>();
      if (reply.sent || reply.raw.headersSent) {
        reply.raw.destroy();
        return;
      }
      if (status === 401) void reply.header('www-authenticate', 'Bearer realm="rappel"');
      if (status === 503) void reply.header('retry-after', '5');
      // A handler may have said what it would have answered.
      void reply.status(status).type('application/json; charset=utf-8').send({ error: { code, message: scrub(message), ...(issues && { issues }) } });
    }
  }
  return new ErrorFilter();
}
