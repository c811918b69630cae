import { BadRequestException, Controller, Get, Inject, Res } from '@nestjs/common';
import type { EventStore } from '@rappel/event-store';
import { Caller, Endpoint, Gone, hasScope, Scopes, STORE, ZodQuery, type CallerIdentity } from '@rappel/service-kit';
import type { FastifyReply } from 'fastify';
import { once } from 'node:events';
import { Channel, Id, NotificationType } from '@rappel/contracts';
import { z } from 'zod';
import { idOf, type Feed } from '../feed.ts';
import { FEED, NOTIFICATIONS } from '../tokens.ts';
import type { Notifications } from './notifications.ts';
import type { Notification } from './schemas.ts';

const Query = z.strictObject({
  attributionId: Id.optional(), borrowerId: Id.optional(), type: NotificationType.optional(), channel: Channel.optional(),
  after: z.string().max(200).optional().describe('as Last-Event-ID, for clients that cannot set headers'),
});
type Query = z.infer<typeof Query>;

/** What happens to notifications, as it happens: server-sent events, resumed after `Last-Event-ID` without gap. */
@Controller()
@Scopes('log:read')
export class FeedController {
  readonly #feed: Feed;
  readonly #store: EventStore;
  readonly #notifications: Notifications;
  constructor(@Inject(FEED) feed: Feed, @Inject(STORE) store: EventStore, @Inject(NOTIFICATIONS) notifications: Notifications) {
    this.#feed = feed;
    this.#store = store;
    this.#notifications = notifications;
  }

  @Get('feed')
  @Endpoint({ summary: 'Live feed (SSE); `data` holds the event and the notification after it', query: Query, answerType: 'text/event-stream', tags: ['feed'] })
  async follow(@ZodQuery(Query) query: Query, @Caller() caller: CallerIdentity, @Gone() gone: AbortSignal, @Res() reply: FastifyReply): Promise<void> {
    const after = reply.request.headers['last-event-id']?.toString() ?? query.after;
    if (after !== undefined) await this.#known(after);
    reply.hijack();
    const out = reply.raw;
    // What hooks have set so far (CORS) goes along.
    out.writeHead(200, { ...reply.getHeaders() as Record<string, string>, 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store', 'x-accel-buffering': 'no', connection: 'keep-alive' });
    out.write('retry: 2000\n\n');
    for await (const events of this.#feed.follow({ after, signal: gone })) {
      const found = await this.#notifications.some([...new Set(events.map(({ stream }) => idOf(stream)))], hasScope(caller, 'personal:read'));
      const byId = new Map(found.filter((one) => matches(one, query)).map((one) => [one.notificationId, one]));
      const text = events.map(({ checkpoint, type, stream, version, data }) => {
        const notification = byId.get(idOf(stream));
        return notification ? `id: ${checkpoint}\nevent: ${type}\ndata: ${JSON.stringify({ type, version, data, notification })}\n\n` : '';
      }).join('');
      // A comment keeps proxies from closing a quiet line.
      if (!out.write(text || ': nothing new\n\n')) await Promise.race([once(out, 'drain'), once(out, 'close')]);
    }
    out.end();
  }

  /** A place that the store cannot read from is refused before the answer begins. */
  async #known(after: string): Promise<void> {
    try {
      await this.#store.readAll({ after, limit: 1 });
    } catch {
      throw new BadRequestException('Last-Event-ID is not a place in this log');
    }
  }
}

const matches = (one: Notification, { attributionId, borrowerId, type, channel }: Query): boolean =>
  [[attributionId, one.attributionId], [borrowerId, one.borrowerId], [type, one.type], [channel, one.channel]].every(([wanted, is]) => wanted === undefined || wanted === is);
