import { randomUUID } from 'node:crypto';
import { Controller, Get, Header, HttpCode, Inject, NotFoundException, Param, Post } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { Clock } from '@rappel/contracts';
import type { EventStore } from '@rappel/event-store';
import { suppress } from '@rappel/notification';
import { CLOCK, Endpoint, Public, STORE } from '@rappel/service-kit';
import { UNSUBSCRIBE } from './tokens.ts';
import type { UnsubscribeLinks } from './unsubscribe.ts';

const page = (title: string, body: string): string =>
  `<!doctype html><html lang="fr"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title><main><h1>${title}</h1>${body}</main></html>`;

/** Where the link at the foot of each mail leads, and what mail programs post to by themselves (RFC 8058). */
@Controller('unsubscribe')
export class UnsubscribeController {
  private readonly links: UnsubscribeLinks;
  private readonly store: EventStore;
  private readonly clock: Clock;
  constructor(@Inject(UNSUBSCRIBE) links: UnsubscribeLinks, @Inject(STORE) store: EventStore, @Inject(CLOCK) clock: Clock) {
    this.links = links;
    this.store = store;
    this.clock = clock;
  }

  /** Asks first: scanners open links, so opening one changes nothing. */
  @Get(':token')
  @Public()
  @Header('content-type', 'text/html; charset=utf-8')
  @Endpoint({ summary: 'Asks whether to stop the mails; changes nothing', answerType: 'text/html' })
  ask(@Param('token') token: string): string {
    this.borrower(token);
    return page('Ne plus recevoir de courriels · Stop the emails', '<form method="post"><button name="List-Unsubscribe" value="One-Click">Confirmer · Confirm</button></form>');
  }

  @Post(':token')
  @Public()
  @HttpCode(200)
  @RouteConfig({ form: true })
  @Header('content-type', 'text/html; charset=utf-8')
  @Endpoint({ summary: 'No more mails to this borrower, until new consent', answerType: 'text/html' })
  async stop(@Param('token') token: string): Promise<string> {
    const borrowerId = this.borrower(token);
    // Once more changes nothing; after new consent it is a new refusal, even on the same day.
    await suppress(this.store, { borrowerId, channel: 'EMAIL', kind: 'opt-out', source: 'unsubscribe-link', at: this.clock.now(), commandId: randomUUID() });
    return page('C’est noté · Done', '<p>Vous ne recevrez plus de rappels par courriel. You will receive no more reminders by email.</p>');
  }

  private borrower(token: string): string {
    const borrowerId = this.links.read(token);
    if (borrowerId === undefined) throw new NotFoundException('no such link');
    return borrowerId;
  }
}
