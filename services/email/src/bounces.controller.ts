import { ConflictException, Controller, ForbiddenException, Headers, HttpCode, Inject, Post } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { Clock } from '@rappel/contracts';
import { readState, type EventStore } from '@rappel/event-store';
import { notificationFold, notificationStream, storeReceipt, suppress } from '@rappel/notification';
import { countRefused, type Registry } from '@rappel/notification/nest';
import { CLOCK, CONFIG, Endpoint, METRICS, Public, STORE, VAULT, ZodBody } from '@rappel/service-kit';
import type { Vault } from '@rappel/privacy';
import { z } from 'zod';
import { isSigned, notificationOf, readBounceMail, type Bounce } from './bounces.ts';
import type { EmailConfig } from './config.ts';

const Report = z.object({ messageId: z.string().max(300), kind: z.enum(['hard', 'soft', 'complaint']), status: z.string().regex(/^[245]\.\d{1,3}\.\d{1,3}$/).optional() });
/** A bounce mail as it came. */
const Mail = z.object({ mail: z.string().max(200_000) });

/** What became of mails afterwards. Signed with `BOUNCE_WEBHOOK_SECRET`: see the README. */
@Controller('webhooks/bounces')
export class BouncesController {
  private readonly store: EventStore;
  private readonly vault: Vault;
  private readonly clock: Clock;
  private readonly config: EmailConfig;
  private readonly refused: ReturnType<typeof countRefused>;
  // eslint-disable-next-line max-params
  constructor(@Inject(STORE) store: EventStore, @Inject(VAULT) vault: Vault, @Inject(CLOCK) clock: Clock, @Inject(CONFIG) config: EmailConfig, @Inject(METRICS) registry: Registry) {
    this.store = store;
    this.vault = vault;
    this.clock = clock;
    this.config = config;
    this.refused = countRefused(registry, 'rappel_receipts_refused_total');
  }

  @Post()
  @Public()
  @HttpCode(204)
  @RouteConfig({ rateLimit: false })
  @Endpoint({ summary: 'A bounce or complaint, whatever the provider; needs a signature', body: Report, status: 204 })
  async report(@ZodBody(Report) { messageId, kind, status }: z.infer<typeof Report>, @Headers() headers: Record<string, string>): Promise<void> {
    this.verify(headers, [messageId, kind, status ?? ''].join('.'));
    const notificationId = notificationOf(messageId);
    if (notificationId) await this.record({ notificationId, kind, ...(status && { status }) });
  }

  @Post('mail')
  @Public()
  @HttpCode(204)
  @RouteConfig({ rateLimit: false })
  @Endpoint({ summary: 'A bounce mail as it came (RFC 3464); needs a signature', body: Mail, status: 204 })
  async mail(@ZodBody(Mail) { mail }: z.infer<typeof Mail>, @Headers() headers: Record<string, string>): Promise<void> {
    this.verify(headers, mail);
    const bounce = await readBounceMail(mail);
    if (bounce) await this.record(bounce);
  }

  private verify(headers: Record<string, string>, content: string): void {
    const secrets = this.config.BOUNCE_WEBHOOK_SECRET ?? [];
    const { 'x-rappel-timestamp': timestamp = '', 'x-rappel-signature': signature = '' } = headers;
    if (!secrets.some((secret) => isSigned(secret, { timestamp, signature, content, now: Date.now() }))) {
      this.refused.inc({ reason: 'signature' });
      throw new ForbiddenException('the signature does not fit');
    }
  }

  private async record(bounce: Bounce): Promise<void> {
    const { notificationId, kind, status = kind } = bounce;
    const { state } = await readState(this.store, notificationFold, notificationStream(notificationId));
    if (state.identity?.channel !== 'EMAIL') return;
    const { isNew } = await storeReceipt(this.store, {
      notification: state.identity, providerId: state.providerId ?? notificationId, code: status, at: this.clock.now(),
      delivery: kind === 'complaint' ? 'delivered' : 'failed', grouped: state.requested?.leader !== undefined,
    });
    if (kind !== 'soft') await this.remember(bounce, state.identity.borrowerId);
    if (isNew) return;
    this.refused.inc({ reason: 'replayed' });
    throw new ConflictException('this came before, and was taken');
  }

  /** A dead address holds while the borrower has it; a complaint is a refusal. */
  private async remember({ notificationId, kind, status = kind }: Bounce, borrowerId: string): Promise<void> {
    const about = { borrowerId, channel: 'EMAIL', source: `bounce ${status}`, at: this.clock.now(), commandId: `bounce:${notificationId}:${kind}` } as const;
    if (kind === 'complaint') return suppress(this.store, { ...about, kind: 'opt-out' });
    const address = await this.addressOf(notificationId);
    return suppress(this.store, { ...about, kind: 'dead-address', ...(address && { address }) });
  }

  private async addressOf(notificationId: string): Promise<string | undefined> {
    const events = await this.store.readStream(notificationStream(notificationId));
    const personal = events.findLast((event) => event.personal)?.personal;
    const opened = personal && await this.vault.open(personal);
    return opened?.state === 'open' ? opened.fields.recipient : undefined;
  }
}
