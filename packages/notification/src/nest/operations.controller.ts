import { Controller, Get, HttpCode, Inject, Post } from '@nestjs/common';
import { Channel, ErrorClass, Id, Instant, NotificationType } from '@rappel/contracts';
import { Caller, Endpoint, Scopes, ZodBody, ZodParams, type CallerIdentity } from '@rappel/service-kit';
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { ChannelState } from '../channel-state.ts';
import type { DeliveryDependencies } from '../delivery/dependencies.ts';
import { failedOnes, rebuildWaiting, replayAll, resolve, whyNot } from '../operations.ts';
import { release } from '../suppression.ts';
import { DELIVERY } from './tokens.ts';

const why = z.string().trim().min(3).max(500);
const Why = z.object({ why });
const Resolution = z.object({ verdict: z.enum(['sent', 'not-sent']), why });
const ReplayRequest = z.object({
  filter: z.object({
    ids: z.array(z.uuid()).min(1).max(1000).optional(), class: ErrorClass.optional(), code: z.string().max(50).optional(),
    type: NotificationType.optional(), from: Instant.optional(), to: Instant.optional(),
  }).refine((filter) => Object.values(filter).some((value) => value !== undefined), 'name at least one condition'),
  /** False, the default, only counts. */
  run: z.boolean().default(false),
  why,
});
const Release = z.object({ borrowerId: Id, channel: Channel, why });
const ById = z.object({ id: z.uuid() });
const instant = (meaning = 'real time') => z.iso.datetime().describe(meaning);

const told = { text: z.string().describe("the provider's words, or the operator's"), code: z.string().optional() };
const State = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('open'), by: z.string().describe('who opened it again: `probe` or an operator').optional() }),
  z.object({ kind: z.literal('paused'), by: z.string().describe('`provider`, `receipt` or who did it'), ...told, probeAt: instant('when it is tried again; absent = only by command').optional(), probes: z.int(), since: instant() }),
  z.object({ kind: z.literal('throttled'), until: instant(), step: z.int(), ...told }),
]);
const ChannelAnswer = z.object({ channel: Channel, state: State, waiting: z.record(z.string(), z.int()).describe('how many, by reason') });
const Counted = z.object({ matching: z.int(), ids: z.array(z.uuid()), replayed: z.array(z.uuid()), refused: z.array(z.object({ notificationId: z.uuid(), reason: z.string() })) });
const MOST_IDS_SHOWN = 100;

/** What operators do with a channel and its notifications. Everything is stored with who and why. */
@Controller()
export class OperationsController {
  private readonly delivery: DeliveryDependencies;
  constructor(@Inject(DELIVERY) delivery: DeliveryDependencies) {
    this.delivery = delivery;
  }

  @Get('channel')
  @Scopes('ops', 'log:read')
  @Endpoint({ summary: 'Whether the channel sends, and what waits', answer: ChannelAnswer })
  async channel(): Promise<{ channel: Channel; state: ChannelState; waiting: object }> {
    return { channel: this.delivery.channel, state: await this.delivery.gate.refresh(), waiting: await this.delivery.waiting.counts() };
  }

  @Post('channel/pause')
  @HttpCode(200)
  @Scopes('ops')
  @Endpoint({ summary: 'Send nothing until resumed; what is to be sent waits', body: Why, answer: ChannelAnswer, status: 200 })
  async pause(@ZodBody(Why) body: z.infer<typeof Why>, @Caller() caller: CallerIdentity): Promise<object> {
    await this.delivery.gate.pause(actorOf(caller), body.why);
    return this.channel();
  }

  @Post('channel/resume')
  @HttpCode(200)
  @Scopes('ops')
  @Endpoint({ summary: 'Send again', answer: ChannelAnswer, status: 200 })
  async resume(@Caller() caller: CallerIdentity): Promise<object> {
    await this.delivery.gate.resume(actorOf(caller));
    return this.channel();
  }

  @Post('replay')
  @HttpCode(200)
  @Scopes('ops')
  @Endpoint({ summary: 'Count the failed notifications that a filter means, or arm them again', body: ReplayRequest, answer: Counted, status: 200 })
  async replay(@ZodBody(ReplayRequest) { filter, run, why: because }: z.infer<typeof ReplayRequest>, @Caller() caller: CallerIdentity): Promise<z.infer<typeof Counted>> {
    const failed = await failedOnes(this.delivery, filter);
    const ids = failed.slice(0, MOST_IDS_SHOWN).map(({ identity }) => identity!.notificationId);
    const unfit = await whyNot(this.delivery, filter.ids ?? [], failed);
    if (!run) return { matching: failed.length, ids, replayed: [], refused: [...unfit] };
    const { replayed, refused } = await replayAll(this.delivery, failed, { actor: actorOf(caller), why: because });
    return { matching: failed.length, ids, replayed: [...replayed], refused: [...unfit, ...refused] };
  }

  @Post('notifications/:id/resolve')
  @HttpCode(204)
  @Scopes('ops')
  @Endpoint({ summary: 'Say what became of a message whose fate is unknown', params: ById, body: Resolution, status: 204 })
  async resolve(@ZodParams(ById) { id }: z.infer<typeof ById>, @ZodBody(Resolution) body: z.infer<typeof Resolution>, @Caller() caller: CallerIdentity): Promise<void> {
    await resolve(this.delivery, id, { ...body, actor: actorOf(caller) });
  }

  @Post('suppressions/release')
  @HttpCode(200)
  @Scopes('ops')
  @Endpoint({ summary: 'A borrower may be written to again: new consent, or an address that works', body: Release, answer: z.object({ released: z.boolean() }), status: 200 })
  async release(@ZodBody(Release) body: z.infer<typeof Release>, @Caller() caller: CallerIdentity): Promise<{ released: boolean }> {
    return { released: await release(this.delivery.store, { ...body, actor: actorOf(caller), at: this.delivery.clock.now(), commandId: randomUUID() }) };
  }

  @Post('waiting/rebuild')
  @HttpCode(200)
  @Scopes('ops')
  @Endpoint({ summary: 'Fill the list of what waits from the events', answer: z.object({ waiting: z.int() }), status: 200 })
  async rebuild(): Promise<{ waiting: number }> {
    return { waiting: await rebuildWaiting(this.delivery) };
  }
}

const actorOf = ({ actor }: CallerIdentity): string => actor;
