import { Controller, Get, Inject, NotFoundException, UseInterceptors } from '@nestjs/common';
import { Caller, Endpoint, hasScope, Scopes, ZodParams, ZodQuery, type CallerIdentity } from '@rappel/service-kit';
import { NOTIFICATIONS } from '../tokens.ts';
import { ETag } from './etag.ts';
import type { Notifications } from './notifications.ts';
import { AsOfQuery, IdParams, NotificationPage, NotificationParams, NotificationWithTimeline, PageQuery } from './schemas.ts';

const personal = (caller: CallerIdentity) => hasScope(caller, 'personal:read');

/** Notifications: by any field and time range, one with its timeline, of one loan, of one borrower. */
@Controller()
@Scopes('log:read')
@UseInterceptors(ETag)
export class NotificationsController {
  readonly #notifications: Notifications;
  constructor(@Inject(NOTIFICATIONS) notifications: Notifications) {
    this.#notifications = notifications;
  }

  @Get('notifications')
  @Endpoint({ summary: 'Notifications by any field and time range, newest first', query: PageQuery, answer: NotificationPage, tags: ['notifications'] })
  list(@ZodQuery(PageQuery) query: PageQuery, @Caller() caller: CallerIdentity) {
    return this.#notifications.page(query, personal(caller));
  }

  @Get('notifications/:id')
  @Endpoint({ summary: 'One notification with its full timeline', params: NotificationParams, query: AsOfQuery, answer: NotificationWithTimeline, tags: ['notifications'] })
  async one(@ZodParams(NotificationParams) { id }: { id: string }, @ZodQuery(AsOfQuery) { asOf }: { asOf?: string }, @Caller() caller: CallerIdentity) {
    const found = await this.#notifications.one({ id, asOf }, personal(caller));
    if (!found) throw new NotFoundException(`there is no notification ${id}${asOf === undefined ? '' : ` as of ${asOf}`}`);
    return found;
  }

  @Get('attributions/:id/notifications')
  @Endpoint({ summary: 'What was sent, and what not, about one loan', params: IdParams, query: PageQuery, answer: NotificationPage, tags: ['notifications'] })
  ofAttribution(@ZodParams(IdParams) { id }: { id: string }, @ZodQuery(PageQuery) query: PageQuery, @Caller() caller: CallerIdentity) {
    return this.#notifications.page({ ...query, attributionId: [id] }, personal(caller));
  }

  @Get('borrowers/:id/notifications')
  @Endpoint({ summary: 'What one borrower was told, and what not', params: IdParams, query: PageQuery, answer: NotificationPage, tags: ['notifications'] })
  ofBorrower(@ZodParams(IdParams) { id }: { id: string }, @ZodQuery(PageQuery) query: PageQuery, @Caller() caller: CallerIdentity) {
    return this.#notifications.page({ ...query, borrowerId: [id] }, personal(caller));
  }
}
