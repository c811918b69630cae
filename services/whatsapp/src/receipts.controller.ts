import { Body, Controller, ForbiddenException, Headers, HttpCode, Inject, Post, Query, Req } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { Clock, Delivery } from '@rappel/contracts';
import type { EventStore } from '@rappel/event-store';
import { storeReceipt } from '@rappel/notification';
import { CLOCK, CONFIG, Endpoint, LOGGER, METRICS, Public, STORE, type Logger } from '@rappel/service-kit';
import { Counter, type Registry } from 'prom-client';
import { validateRequest } from 'twilio/lib/webhooks/webhooks.js';
import { publicUrl, type WhatsappConfig } from './config.ts';
import { readReceiptUrl, RECEIPTS_PATH } from './receipt-url.ts';

/** Twilio's words for what became of a message, in ours. Others are not news. */
const deliveries: Readonly<Record<string, Delivery>> = {
  accepted: 'queued', scheduled: 'queued', queued: 'queued', sending: 'sent', sent: 'sent',
  delivered: 'delivered', read: 'read', undelivered: 'undelivered', failed: 'failed', canceled: 'failed',
};

/** Twilio's receipts: signed, stored first, answered at once. */
@Controller()
export class ReceiptsController {
  private readonly refused: Counter;
  private readonly store: EventStore;
  private readonly clock: Clock;
  private readonly config: WhatsappConfig;
  private readonly logger: Logger;
  // eslint-disable-next-line max-params
  constructor(@Inject(STORE) store: EventStore, @Inject(CLOCK) clock: Clock, @Inject(CONFIG) config: WhatsappConfig, @Inject(LOGGER) logger: Logger, @Inject(METRICS) registry: Registry) {
    this.store = store;
    this.clock = clock;
    this.config = config;
    this.logger = logger;
    this.refused = new Counter({ name: 'rappel_receipts_refused_total', help: 'Receipts with a signature that does not fit', registers: [registry] });
  }

  @Post(RECEIPTS_PATH)
  @Public()
  @HttpCode(204)
  @RouteConfig({ form: true, rateLimit: false })
  @Endpoint({ summary: 'Receives the status of a message from Twilio; needs its signature', status: 204 })
  async receive(@Req() request: { url: string }, @Query() query: unknown, @Body() form: Record<string, string> = {}, @Headers('x-twilio-signature') signature = ''): Promise<void> {
    this.verify(request.url, form, signature);
    const subject = readReceiptUrl(query);
    const delivery = deliveries[form['MessageStatus'] ?? form['SmsStatus'] ?? ''];
    const providerId = form['MessageSid'] ?? form['SmsSid'];
    if (!subject || !delivery || !providerId) {
      this.logger.warn({ status: form['MessageStatus'] }, 'a receipt that says nothing we know');
      return;
    }
    const code = form['ErrorCode'] || undefined;
    await storeReceipt(this.store, { ...subject, providerId, delivery, code, at: this.clock.now() });
  }

  private verify(path: string, form: Record<string, string>, signature: string): void {
    const url = new URL(path, publicUrl(this.config) ?? 'http://invalid.invalid').href;
    if (validateRequest(this.config.TWILIO_AUTH_TOKEN, signature, url, { ...form })) return;
    this.refused.inc();
    throw new ForbiddenException('the signature does not fit');
  }
}
