import type { Channel, ErrorClass, NotificationType } from '@rappel/contracts';
import { pagesOf, type EventStore } from '@rappel/event-store';
import { later } from './channel-state.ts';
import { decide, NotificationRefused, replayableFailure, type NotificationCommand } from './decide.ts';
import type { DeliveryDependencies } from './delivery/dependencies.ts';
import { nextStep } from './delivery/next-step.ts';
import { identityOf, readMember, record, type Member } from './delivery/party.ts';
import type { NotificationEvent } from './events.ts';
import { notificationFold, type Notification } from './notification.ts';
import { priorities } from './priority.ts';

/** Who decides, and why: stored with the decision. */
export interface Decision { readonly actor: string; readonly why: string }

/** Failed notifications that a replay is about. All that is given must hold. */
export interface ReplayFilter {
  readonly ids?: readonly string[];
  readonly class?: ErrorClass;
  readonly type?: NotificationType;
  readonly code?: string;
  /** Business time of the request, inclusive and exclusive. */
  readonly from?: string;
  readonly to?: string;
}

export interface Replayed { readonly replayed: readonly string[]; readonly refused: readonly { readonly notificationId: string; readonly reason: string }[] }

type Operating = Pick<DeliveryDependencies, 'channel' | 'store' | 'waiting' | 'clock' | 'realNow' | 'newId' | 'sleep' | 'config'>;

const AFTER_A_CRASH_MS = 30_000;

async function known(deps: Operating, notificationId: string): Promise<Member> {
  const member = await readMember(deps.store, notificationId);
  if (member.state.phase === 'absent' || identityOf(member).channel !== deps.channel) {
    throw new NotificationRefused('unknown-notification', `there is no such notification on ${deps.channel}`);
  }
  return member;
}

/** The reminder to look at it comes first, so that a crash in between leaves a look too many and never a decision without effect. */
async function decideAndWake(deps: Operating, member: Member, command: NotificationCommand): Promise<boolean> {
  const leader = member.state.requested?.leader ?? member.notificationId;
  const row = { notificationId: leader, priority: priorities[identityOf(member).type], reason: 'replay' as const };
  await deps.waiting.put({ ...row, notBeforeReal: later(deps.realNow(), AFTER_A_CRASH_MS) });
  // Judged on what was read: whoever decides second is refused, not asked again.
  const recorded = await record(deps, [member], { commandId: deps.newId(), commands: () => [command], onConflict: 'stop' });
  if (!recorded) return false;
  await deps.waiting.put(row);
  return true;
}

/** Arms a failed notification again, or one that a receipt says never arrived. Throws `NotificationRefused` when it has not failed, was replaced, or somebody else was faster. */
export async function replay(deps: Operating, notificationId: string, { actor, why }: Decision): Promise<void> {
  const member = await known(deps, notificationId);
  const command = { type: 'Replay', replayId: deps.newId(), actor, why, at: deps.clock.now() } as const;
  decide(command, member.state);
  if (!await decideAndWake(deps, member, command)) throw new NotificationRefused('not-failed', 'somebody else was at it');
}

/** An operator's word on what became of a message whose fate is unknown. Throws `NotificationRefused` when that is no question. */
export async function resolve(deps: Operating, notificationId: string, { verdict, actor, why }: Decision & { readonly verdict: 'sent' | 'not-sent' }): Promise<void> {
  const member = await known(deps, notificationId);
  if (member.state.phase !== 'held' && member.state.phase !== 'unknown') throw new NotificationRefused('not-open', `it is ${member.state.phase}`);
  const command = { type: 'Settle', attemptId: member.state.attempt!.id, verdict, evidence: 'operator', retry: deps.config.retry, actor, why, at: deps.clock.now() } as const;
  if (!await decideAndWake(deps, member, command)) throw new NotificationRefused('not-open', 'somebody else was at it');
}

const NOTIFICATIONS = { categories: ['notification'], limit: 5000 };

/** Folds every notification of a channel from the store, page by page. */
async function foldAll({ store, channel }: { store: EventStore; channel: Channel }): Promise<Map<string, Notification>> {
  const states = new Map<string, Notification>();
  for await (const page of pagesOf(store, NOTIFICATIONS)) {
    for (const event of page) states.set(event.stream, notificationFold.evolve(states.get(event.stream) ?? notificationFold.initial, event));
  }
  for (const [stream, { identity }] of states) if (identity?.channel !== channel) states.delete(stream);
  return states;
}

const sameWhere = (found: Record<string, unknown>, wanted: Record<string, unknown>): boolean =>
  Object.entries(found).every(([key, value]) => wanted[key] === undefined || wanted[key] === value);

function fits(state: Notification, { from = '', to, ...wanted }: ReplayFilter): boolean {
  const failure = replayableFailure(state);
  const { at } = state.requested ?? { at: '' };
  return failure !== undefined && at >= from && (to === undefined || at < to) && sameWhere({ class: failure.class, code: failure.code, type: state.identity?.type }, { ...wanted });
}

/** Ids of what ever failed on a channel, page by page; memory holds nothing else, however much was sent. */
async function everFailed({ store, channel }: { store: EventStore; channel: Channel }): Promise<string[]> {
  const ids = new Set<string>();
  for await (const page of pagesOf(store, NOTIFICATIONS)) {
    for (const { type, data } of page as unknown as readonly NotificationEvent[]) {
      const failed = type === 'NotificationGivenUp' || (type === 'DeliveryReported' && (data.delivery === 'failed' || data.delivery === 'undelivered'));
      if (failed && data.notification.channel === channel) ids.add(data.notification.notificationId);
    }
  }
  return [...ids];
}

const READ_AT_ONCE = 200;

/** The failed notifications that a filter means, those among them that receipts say never arrived, from the events themselves: exact, whatever a projection knows. */
export async function failedOnes(deps: { store: EventStore; channel: Channel }, filter: ReplayFilter): Promise<Notification[]> {
  const ids = filter.ids ?? await everFailed(deps);
  const found: Notification[] = [];
  for (let from = 0; from < ids.length; from += READ_AT_ONCE) {
    const members = await Promise.all(ids.slice(from, from + READ_AT_ONCE).map((id) => readMember(deps.store, id)));
    found.push(...members.map(({ state }) => state).filter((state) => state.identity?.channel === deps.channel && !state.replacedBy && fits(state, filter)));
  }
  return found;
}

/** Why those of the named ones that are this channel's are not among the found: an operator who names one wants to know. */
export async function whyNot(deps: { store: EventStore; channel: Channel }, ids: readonly string[], found: readonly Notification[]): Promise<Replayed['refused']> {
  const foundIds = new Set(found.map(({ identity }) => identity!.notificationId));
  const others = await Promise.all(ids.filter((id) => !foundIds.has(id)).map((id) => readMember(deps.store, id)));
  return others.filter(({ state }) => state.identity?.channel === deps.channel).map(({ notificationId, state }) => ({ notificationId, reason: refusalOf(state) }));
}

function refusalOf(state: Notification): string {
  if (state.replacedBy) return 'replaced';
  return replayableFailure(state) ? 'other-conditions' : 'not-failed';
}

/** Replays all of them. They go through the channel's limits like everything else. */
export async function replayAll(deps: Operating, failed: readonly Notification[], decision: Decision): Promise<Replayed> {
  const replayed: string[] = [];
  const refused: { notificationId: string; reason: string }[] = [];
  for (const { identity } of failed) {
    const { notificationId } = identity!;
    try {
      await replay(deps, notificationId, decision);
      replayed.push(notificationId);
    } catch (error) {
      if (!(error instanceof NotificationRefused)) throw error;
      refused.push({ notificationId, reason: error.code });
    }
  }
  return { replayed, refused };
}

/** Puts everything that somebody must come back to among the waiting, from the events: the table may be dropped. Answers how many. */
export async function rebuildWaiting(deps: Operating & Pick<DeliveryDependencies, 'provider'>): Promise<number> {
  let count = 0;
  for (const state of (await foldAll(deps)).values()) {
    const { notificationId } = state.identity!;
    const at = { now: deps.clock.now(), realNow: deps.realNow(), receipts: deps.provider.receipts, receiptSeconds: deps.config.receiptSeconds };
    const step = nextStep([{ notificationId, version: 0, state }], at);
    if (step.kind === 'nothing') continue;
    const when = step.kind === 'wait' ? { reason: step.reason, notBefore: step.notBefore, notBeforeReal: step.notBeforeReal } : { reason: 'retry' as const };
    await deps.waiting.put({ notificationId: state.requested?.leader ?? notificationId, priority: priorities[state.identity!.type], ...when });
    count += 1;
  }
  return count;
}
