import { Body, Controller, Headers, HttpCode, Inject, Post, Req } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { hasHeard, parsePhone, release, suppress, type DeliveryDependencies } from '@rappel/notification';
import { countRefused, DELIVERY, type Registry } from '@rappel/notification/nest';
import { CONFIG, Endpoint, LOGGER, METRICS, Public, type Logger } from '@rappel/service-kit';
import type { WhatsappConfig } from './config.ts';
import type { PhoneBook } from './phone-book.ts';
import { wishOf, type Wish } from './replies.ts';
import { refuseReplay, verifySignature } from './signature.ts';
import { PHONE_BOOK } from './tokens.ts';

export const REPLIES_PATH = '/webhooks/twilio/replies';

/** What borrowers write back. STOP and its like end the messages on WhatsApp, START and its like are new consent; the rest is for people. */
@Controller()
export class RepliesController {
  private readonly refused: ReturnType<typeof countRefused>;
  private readonly book: PhoneBook;
  private readonly delivery: DeliveryDependencies;
  private readonly config: WhatsappConfig;
  private readonly logger: Logger;
  // eslint-disable-next-line max-params
  constructor(@Inject(DELIVERY) delivery: DeliveryDependencies, @Inject(PHONE_BOOK) book: PhoneBook, @Inject(CONFIG) config: WhatsappConfig, @Inject(LOGGER) logger: Logger, @Inject(METRICS) registry: Registry) {
    this.delivery = delivery;
    this.book = book;
    this.config = config;
    this.logger = logger;
    this.refused = countRefused(registry, 'rappel_replies_refused_total');
  }

  @Post(REPLIES_PATH)
  @Public()
  @HttpCode(204)
  @RouteConfig({ form: true, rateLimit: false })
  @Endpoint({ summary: 'Receives what a borrower wrote back (STOP, START) from Twilio; needs its signature', status: 204 })
  async receive(@Req() request: { url: string }, @Body() form: Record<string, string> = {}, @Headers('x-twilio-signature') signature = ''): Promise<void> {
    verifySignature(this.config, { path: request.url, form, signature }, this.refused);
    const sid = form['MessageSid'] ?? form['SmsMessageSid'];
    const wish = wishOf({ body: form['Body'], optOutType: form['OptOutType'] });
    if (sid && wish) await this.hear(wish, sid, form['From']);
  }

  private async hear(wish: Wish, sid: string, from = ''): Promise<void> {
    const number = parsePhone(from, this.config.RAPPEL_DEFAULT_COUNTRY);
    if (!number) return;
    const borrowers = await this.book.borrowersWith(number);
    const heard = await Promise.all(borrowers.map((borrowerId) => hasHeard(this.delivery.store, borrowerId, commandOf(sid))));
    if (heard.length > 0 && heard.every(Boolean)) refuseReplay(this.refused);
    this.logger.info({ wish, borrowers }, borrowers.length > 0 ? 'a borrower replied' : 'a reply from a number that no borrower has');
    await Promise.all(borrowers.map((borrowerId) => this.fulfil(wish, borrowerId, sid)));
  }

  /** The reply's id makes it one event, however often it is told. */
  private async fulfil(wish: Wish, borrowerId: string, sid: string): Promise<void> {
    const about = { borrowerId, channel: 'WHATSAPP', at: this.delivery.clock.now(), commandId: commandOf(sid) } as const;
    if (wish === 'stop') await suppress(this.delivery.store, { ...about, kind: 'opt-out', source: 'reply' });
    else await release(this.delivery.store, { ...about, actor: 'borrower', why: 'wrote back to have messages again' });
  }
}

const commandOf = (sid: string): string => `reply:${sid}`;
