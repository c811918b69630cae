import { Controller, Get, Inject, Res } from '@nestjs/common';
import { Caller, Endpoint, hasScope, Scopes, ZodQuery, type CallerIdentity } from '@rappel/service-kit';
import type { FastifyReply } from 'fastify';
import { Readable } from 'node:stream';
import { NOTIFICATIONS } from '../tokens.ts';
import { csv, ndjson } from './export.ts';
import type { Notifications } from './notifications.ts';
import { FilterQuery, filterOf } from './schemas.ts';

/** Any number of notifications as a file. A page at a time goes from the table to the socket, so memory stays flat. */
@Controller()
@Scopes('log:read')
export class ExportController {
  readonly #notifications: Notifications;
  constructor(@Inject(NOTIFICATIONS) notifications: Notifications) {
    this.#notifications = notifications;
  }

  @Get('notifications.csv')
  @Endpoint({ summary: 'Notifications as CSV, oldest first', query: FilterQuery, answerType: 'text/csv', tags: ['export'] })
  csv(@ZodQuery(FilterQuery) query: Record<string, unknown>, @Caller() caller: CallerIdentity, @Res() reply: FastifyReply): void {
    send(reply, { type: 'text/csv; charset=utf-8; header=present', name: 'notifications.csv', lines: csv(this.#all(query, caller)) });
  }

  @Get('notifications.ndjson')
  @Endpoint({ summary: 'Notifications as newline-delimited JSON, oldest first', query: FilterQuery, answerType: 'application/x-ndjson', tags: ['export'] })
  ndjson(@ZodQuery(FilterQuery) query: Record<string, unknown>, @Caller() caller: CallerIdentity, @Res() reply: FastifyReply): void {
    send(reply, { type: 'application/x-ndjson', name: 'notifications.ndjson', lines: ndjson(this.#all(query, caller)) });
  }

  #all(query: Record<string, unknown>, caller: CallerIdentity) {
    return this.#notifications.all(filterOf(query), hasScope(caller, 'personal:read'));
  }
}

interface File { readonly type: string; readonly name: string; readonly lines: AsyncGenerator<string> }

function send(reply: FastifyReply, { type, name, lines }: File): void {
  void reply.header('content-type', type).header('content-disposition', `attachment; filename="${name}"`).header('cache-control', 'no-store')
    .send(Readable.from(lines, { objectMode: false, highWaterMark: 1 << 18 }));
}
