import { randomUUID } from 'node:crypto';
import { Controller, Get, Header, HttpCode, Inject, Param, Post, Res } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { Clock } from '@rappel/contracts';
import type { EventStore } from '@rappel/event-store';
import { suppress } from '@rappel/notification';
import { CLOCK, Endpoint, Public, STORE } from '@rappel/service-kit';
import { UNSUBSCRIBE } from './tokens.ts';
import type { UnsubscribeLinks } from './unsubscribe.ts';

const page = (title: string, body: string): string =>
  `<!doctype html><html lang="fr"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title><main><h1>${title}</h1>${body}</main></html>`;

const unknownLink = page('Lien inconnu · Unknown link', '<p>Ce lien est incomplet ou ne vaut plus : ouvrez celui d’un courriel récent. This link is incomplete or no longer valid: open the one in a recent email.</p>');

/** Borrowers come here in a browser: what they read is a page, whatever the status. */
interface Reply { status(code: number): unknown }
function refused(reply: Reply): string {
  reply.status(404);
  return unknownLink;
}

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
  ask(@Param('token') token: string, @Res({ passthrough: true }) reply: Reply): string {
    if (this.links.read(token) === undefined) return refused(reply);
    return page('Ne plus recevoir de courriels · Stop the emails', '<form method="post"><button name="List-Unsubscribe" value="One-Click">Confirmer · Confirm</button></form>');
  }

  @Post(':token')
  @Public()
  @HttpCode(200)
  @RouteConfig({ form: true })
  @Header('content-type', 'text/html; charset=utf-8')
  @Endpoint({ summary: 'No more mails to this borrower, until new consent', answerType: 'text/html' })
  async stop(@Param('token') token: string, @Res({ passthrough: true }) reply: Reply): Promise<string> {
    const borrowerId = this.links.read(token);
    if (borrowerId === undefined) return refused(reply);
    // Once more changes nothing; after new consent it is a new refusal, even on the same day.
    await suppress(this.store, { borrowerId, channel: 'EMAIL', kind: 'opt-out', source: 'unsubscribe-link', at: this.clock.now(), commandId: randomUUID() });
    return page('C’est noté · Done', '<p>Vous ne recevrez plus de rappels par courriel. You will receive no more reminders by email.</p>');
  }
}
