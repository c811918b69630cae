import { Body, Controller, Headers, HttpCode, Inject, NotFoundException, Post, Query, Req } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { Delivery } from '@rappel/contracts';
import { takeReceipt, twilioCodes, type DeliveryDependencies } from '@rappel/notification';
import { countRefused, DELIVERY, type Registry } from '@rappel/notification/nest';
import { CONFIG, Endpoint, LOGGER, METRICS, Public, type Logger } from '@rappel/service-kit';
import type { WhatsappConfig } from './config.ts';
import { readReceiptUrl, RECEIPTS_PATH } from './receipt-url.ts';
import { refuseReplay, verifySignature } from './signature.ts';

/** Twilio's words for what became of a message, in ours. Others are not news. */
const deliveries = new Map<string, Delivery>(Object.entries({
  accepted: 'queued', scheduled: 'queued', queued: 'queued', sending: 'sent', sent: 'sent',
  delivered: 'delivered', read: 'read', undelivered: 'undelivered', failed: 'failed', canceled: 'failed',
}));

/** Twilio's receipts: signed, stored first, answered at once. One that came before is refused, at whatever age, and so is one about a notification that is not known here. */
@Controller()
export class ReceiptsController {
  private readonly refused: ReturnType<typeof countRefused>;
  private readonly delivery: DeliveryDependencies;
  private readonly config: WhatsappConfig;
  private readonly logger: Logger;
  constructor(@Inject(DELIVERY) delivery: DeliveryDependencies, @Inject(CONFIG) config: WhatsappConfig, @Inject(LOGGER) logger: Logger, @Inject(METRICS) registry: Registry) {
    this.delivery = delivery;
    this.config = config;
    this.logger = logger;
    this.refused = countRefused(registry, 'rappel_receipts_refused_total');
    this.refused.inc({ reason: 'unknown' }, 0);
  }

  @Post(RECEIPTS_PATH)
  @Public()
  @HttpCode(204)
  @RouteConfig({ form: true, rateLimit: false })
  @Endpoint({ summary: 'Receives the status of a message from Twilio; needs its signature', status: 204 })
  async receive(@Req() request: { url: string }, @Query() query: unknown, @Body() form: Record<string, string> = {}, @Headers('x-twilio-signature') signature = ''): Promise<void> {
    verifySignature(this.config, { path: request.url, form, signature }, this.refused);
    await this.take(query, form);
  }

  /** Of another installation that uses the same account and address, or sent before this store was set back to an older state. */
  private refuseUnknown(notificationId: string): never {
    this.refused.inc({ reason: 'unknown' });
    this.logger.warn({ notificationId }, 'a receipt of a message that this installation never sent');
    throw new NotFoundException('there is no such notification');
  }

  private async take(query: unknown, form: Record<string, string>): Promise<void> {
    const subject = readReceiptUrl(query);
    const { status = '', providerId, code } = readForm(form);
    const delivery = deliveries.get(status);
    if (!subject || !delivery || !providerId) {
      this.logger.warn({ status }, 'a receipt that says nothing we know');
      return;
    }
    if (code && !twilioCodes.has(code)) this.logger.warn({ code }, 'an error code that no table lists');
    const { isKnown, isNew } = await takeReceipt(this.delivery, { ...subject, providerId, delivery, code, at: this.delivery.clock.now() });
    if (!isKnown) this.refuseUnknown(subject.notification.notificationId);
    if (!isNew) refuseReplay(this.refused);
  }
}

/** Twilio names the fields of a receipt in one of two ways. What cannot be an id or a code of Twilio's is none. */
const readForm = (form: Readonly<Record<string, unknown>>): { status?: string; providerId?: string; code?: string } => ({
  status: fitting(/^[a-z]{1,20}$/, form['MessageStatus'] ?? form['SmsStatus']),
  providerId: fitting(/^\w{1,64}$/, form['MessageSid'] ?? form['SmsSid']),
  code: fitting(/^\d{1,10}$/, form['ErrorCode']),
});
const fitting = (shape: RegExp, value: unknown): string | undefined => (typeof value === 'string' && shape.test(value) ? value : undefined);
