import type { NotificationCommand } from '../decide.ts';
import { reactions } from '../error-classes.ts';
import type { Failure } from '../events.ts';
import type { Outgoing, SendResult } from '../provider.ts';
import { suppress } from '../suppression.ts';
import { later } from '../channel-state.ts';
import type { DeliveryDependencies } from './dependencies.ts';
import { record, type Member } from './party.ts';

export interface Sent {
  readonly members: readonly Member[];
  /** Real milliseconds that the provider asked for. */
  readonly afterMs?: number;
}

export interface SendOptions {
  readonly outgoing: Outgoing;
  /** Real time until which the attempt is ours. */
  readonly leaseUntil: string;
  /** Those whose attempt this is, among the members. */
  readonly told: ReadonlySet<string>;
  /** The channel is paused and this tries whether it works again. */
  readonly probe: boolean;
}

/** Hands a started attempt to the provider and stores what came of it, however late. */
export async function send(deps: DeliveryDependencies, members: readonly Member[], { outgoing, leaseUntil, told, probe }: SendOptions): Promise<Sent> {
  if (told.size === 0) return { members };
  const inTime = later(deps.realNow(), deps.provider.sendTimeoutMs) <= leaseUntil;
  const othersGetThrough = !probe && members.some((member) => told.has(member.notificationId) && keepsFailing(member, deps));
  const result = theirOwn(inTime ? await deps.provider.send(outgoing, leaseUntil) : heldUp, othersGetThrough);
  const command = outcome(deps, outgoing.attemptId, result);
  const after = await record(deps, members, {
    commandId: outgoing.attemptId, onConflict: 'again',
    commands: ({ notificationId }) => (told.has(notificationId) ? [command] : []),
  });
  const alone = result.kind === 'failed' && reactions[result.failure.class].channel === 'throttle' && deps.gate.refusedAlone(outgoing.notificationId);
  await follow(deps, { result, outgoing, probe, alone });
  return { members: after ?? members, afterMs: alone ? longestDelay(deps) : result.kind === 'failed' ? result.retryAfterMs : undefined };
}

/** A process that was frozen meanwhile must not send on a lease that others may already have judged. */
const heldUp: SendResult = { kind: 'failed', failure: { class: 'TRANSIENT', code: 'ELEASE', text: 'held up until the lease was about to end: nothing was sent' } };

/** It failed for what concerns everybody, as often as is tried, and the channel was opened again since because somebody else's message was taken. */
function keepsFailing({ state }: Member, { gate, config }: DeliveryDependencies): boolean {
  const channel = gate.state();
  return channel.kind === 'open' && channel.by === 'probe' && state.error?.class === 'CONFIG' && state.started >= config.retry.attempts;
}

/** Servers have one code (5.7.1, 21608) for a sender whom they let nobody write to and for a recipient whom they let nobody write to: where others get through it is the recipient. */
function theirOwn(result: SendResult, othersGetThrough: boolean): SendResult {
  if (!othersGetThrough || result.kind !== 'failed' || result.failure.class !== 'CONFIG') return result;
  return { ...result, failure: { ...result.failure, class: 'RECIPIENT' } };
}

/** How long one that is reluctantly taken waits by itself. */
const longestDelay = ({ config: { retry } }: DeliveryDependencies): number => Math.max(0, ...retry.delays) * 1000;

function outcome({ config: { retry }, clock }: DeliveryDependencies, attemptId: string, result: SendResult): NotificationCommand {
  const at = clock.now();
  switch (result.kind) {
    case 'accepted': return { type: 'RecordAccepted', attemptId, providerId: result.providerId, at };
    case 'failed': return { type: 'RecordFailed', attemptId, failure: result.failure, retry, at };
    case 'unknown': return { type: 'RecordUnknown', attemptId, cause: 'provider', text: result.text, at };
  }
}

interface Followed { readonly result: SendResult; readonly outgoing: Outgoing; readonly probe: boolean; readonly alone: boolean }

/** What an outcome means for everybody else. Lost in a crash, the next message learns it anew. */
async function follow(deps: DeliveryDependencies, { result, outgoing, probe, alone }: Followed): Promise<void> {
  const about = { notificationId: outgoing.notificationId, type: outgoing.model.type };
  switch (result.kind) {
    case 'accepted':
      deps.note({ what: 'sent', ...about });
      deps.gate.taken();
      if (probe) await deps.gate.succeeded();
      return;
    case 'unknown':
      deps.note({ what: 'unknown', ...about, detail: result.text });
      return;
    case 'failed':
      deps.note({ what: 'failed', ...about, detail: describe(result.failure) });
      await react(deps, outgoing, { ...result, alone });
  }
}

async function react(deps: DeliveryDependencies, { borrowerId, attemptId }: Outgoing, { failure, retryAfterMs, alone }: Extract<SendResult, { kind: 'failed' }> & { readonly alone: boolean }): Promise<void> {
  const { channel, suppresses } = reactions[failure.class];
  if (channel && !alone) await deps.gate.failed(channel, failure, { retryAfterMs });
  if (suppresses) {
    await suppress(deps.store, { borrowerId, channel: deps.channel, kind: 'opt-out', source: failure.code ?? failure.text, at: deps.clock.now(), commandId: attemptId });
  }
}

const describe = ({ class: errorClass, code, text }: Failure): string => [errorClass, code, text].filter(Boolean).join(' ');
