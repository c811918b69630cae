import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { createHash } from 'node:crypto';
import { map, type Observable } from 'rxjs';

/** A weak ETag over the answer; a reader who has it already gets 304 and no body. */
export class ETag implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const http = context.switchToHttp();
    const reply = http.getResponse<FastifyReply>();
    const known = http.getRequest<FastifyRequest>().headers['if-none-match'];
    return next.handle().pipe(map((answer: unknown) => {
      const tag = `W/"${createHash('sha256').update(JSON.stringify(answer)).digest('base64url').slice(0, 27)}"`;
      void reply.header('etag', tag).header('cache-control', 'private, no-cache');
      if (!known?.split(/\s*,\s*/).includes(tag)) return answer;
      void reply.status(304);
      return undefined;
    }));
  }
}
