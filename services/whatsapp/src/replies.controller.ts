import { Body, Controller, Headers, HttpCode, Inject, Post, Req } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { parsePhone, release, suppress, type DeliveryDependencies } from '@rappel/notification';
import { DELIVERY } from '@rappel/notification/nest';
import { CONFIG, Endpoint, LOGGER, METRICS, Public, type Logger } from '@rappel/service-kit';
import { Counter, type Registry } from 'prom-client';
import type { WhatsappConfig } from './config.ts';
import { createPhoneBook, type PhoneBook } from './phone-book.ts';
import { wishOf, type Wish } from './replies.ts';
import { verifySignature } from './signature.ts';

export const REPLIES_PATH = '/webhooks/twilio/replies';

/** What borrowers write back. STOP and its like end the messages on WhatsApp, START and its like are new consent; the rest is for people. */
@Controller()
export class RepliesController {
  private readonly refused: Counter;
  private readonly book: PhoneBook;
  private readonly delivery: DeliveryDependencies;
  private readonly config: WhatsappConfig;
  private readonly logger: Logger;
  constructor(@Inject(DELIVERY) delivery: DeliveryDependencies, @Inject(CONFIG) config: WhatsappConfig, @Inject(LOGGER) logger: Logger, @Inject(METRICS) registry: Registry) {
    this.delivery = delivery;
    this.config = config;
    this.logger = logger;
    this.book = createPhoneBook({ store: delivery.store, open: delivery.open, country: config.RAPPEL_DEFAULT_COUNTRY });
    this.refused = new Counter({ name: 'rappel_replies_refused_total', help: 'Replies with a signature that does not fit', registers: [registry] });
  }

  @Post(REPLIES_PATH)
  @Public()
  @HttpCode(204)
  @RouteConfig({ form: true, rateLimit: false })
  @Endpoint({ summary: 'Receives what a borrower wrote back (STOP, START) from Twilio; needs its signature', status: 204 })
  async receive(@Req() request: { url: string }, @Body() form: Record<string, string> = {}, @Headers('x-twilio-signature') signature = ''): Promise<void> {
    verifySignature(this.config, { path: request.url, form, signature }, this.refused);
    const wish = wishOf({ body: form['Body'], optOutType: form['OptOutType'] });
    const number = parsePhone(form['From'] ?? '', this.config.RAPPEL_DEFAULT_COUNTRY);
    const sid = form['MessageSid'] ?? form['SmsMessageSid'];
    if (!wish || !number || !sid) return;
    const borrowers = await this.book.borrowersWith(number);
    this.logger.info({ wish, borrowers }, borrowers.length > 0 ? 'a borrower replied' : 'a reply from a number that no borrower has');
    await Promise.all(borrowers.map((borrowerId) => this.fulfil(wish, borrowerId, sid)));
  }

  /** Twilio may tell the same reply twice: its id makes it one event. */
  private async fulfil(wish: Wish, borrowerId: string, sid: string): Promise<void> {
    const about = { borrowerId, channel: 'WHATSAPP', at: this.delivery.clock.now(), commandId: `reply:${sid}` } as const;
    if (wish === 'stop') await suppress(this.delivery.store, { ...about, kind: 'opt-out', source: 'reply' });
    else await release(this.delivery.store, { ...about, actor: 'borrower', why: 'wrote back to have messages again' });
  }
}
