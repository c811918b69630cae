import type { Append, Personal } from '@rappel/event-store';
import { obstacle } from '../channel-policy.ts';
import { later } from '../channel-state.ts';
import type { NotificationCommand, Request } from '../decide.ts';
import type { SkipReason } from '../events.ts';
import type { Outgoing } from '../provider.ts';
import type { DeliveryDependencies } from './dependencies.ts';
import { openBorrower, suppressedChannels, type Facts, type Recipient } from './facts.ts';
import { loanFacts, obsolete, type LoanFacts } from './loan-facts.ts';
import { messageModel } from './message.ts';
import { identityOf, record, type Member } from './party.ts';
import { send, type Sent } from './send.ts';

export interface AttemptOptions {
  /** Loans in the members' order. */
  readonly facts: Facts;
  /** Try although the channel is paused. */
  readonly probe?: boolean;
  /** Appended with the first events, or not at all. */
  readonly also?: readonly Append[];
}

/**
 * The heart: skip what is no longer wanted, store that an attempt starts, hand the message over, store what came of it.
 * Whatever line this dies at, the events tell the next worker what is certain. Undefined = somebody else was faster.
 */
export async function attempt(deps: DeliveryDependencies, members: readonly Member[], options: AttemptOptions): Promise<Sent | undefined> {
  const recipient = await openBorrower(options.facts.borrower, deps.open);
  const judged = await judge(deps, members, { recipient, ...options });
  const told = judged.filter(({ reason }) => reason === undefined);
  if (!recipient || told.length === 0) {
    const skipped = await recordOpening(deps, { judged, told, commandId: deps.newId(), commands: [], also: options.also });
    return skipped && { members: skipped };
  }
  const outgoing = compose(deps, told, { now: deps.clock.now(), ...recipient });
  const { commands, afterMs, leaseUntil } = await opening(deps, outgoing, { isNew: told.some(({ member }) => member.request !== undefined), ...options });
  const fingerprint = leaseUntil ? deps.provider.fingerprint?.(outgoing) : undefined;
  const opened = await recordOpening(deps, { judged, told, commandId: outgoing.attemptId, commands, also: options.also, personal: personalOf(outgoing, fingerprint) });
  if (!opened || !leaseUntil) return opened && { members: opened, afterMs };
  const started = new Set(opened.filter(({ state }) => state.attempt?.id === outgoing.attemptId).map(({ notificationId }) => notificationId));
  return send(deps, opened, { outgoing: { ...outgoing, recipient: outgoing.recipient! }, leaseUntil, told: started, probe: options.probe ?? false });
}

const personalOf = ({ borrowerId, recipient, raw }: Composed, fingerprint: string | undefined): Personal =>
  ({ state: 'open', subject: borrowerId, fields: { recipient: recipient ?? raw, ...(fingerprint && { fingerprint }) } });

interface Opened extends Pick<AttemptOptions, 'also'> {
  readonly judged: readonly Judged[];
  readonly told: readonly Judged[];
  readonly commandId: string;
  /** For those that are told. */
  readonly commands: readonly NotificationCommand[];
  readonly personal?: Personal;
}

async function recordOpening(deps: DeliveryDependencies, { judged, told, commands, ...options }: Opened): Promise<Member[] | undefined> {
  const opened = await record(deps, judged.map(({ member }) => member), {
    ...options, onConflict: 'stop',
    commands: (member) => skipping(deps, member, judged) ?? [...requesting(deps, member, told), ...commands],
  });
  noteOpening(deps, opened ?? []);
  return opened;
}

interface Judged { readonly member: Member; readonly loan: LoanFacts; readonly reason?: SkipReason }

/** Which of them are still wanted, and why the others are not. */
async function judge(deps: DeliveryDependencies, members: readonly Member[], { facts, recipient }: AttemptOptions & { recipient?: Recipient }): Promise<Judged[]> {
  const unknown: SkipReason = facts.borrower.status === 'absent' ? 'unknown-borrower' : 'forgotten';
  const forAll = recipient ? await refusal(deps, recipient, facts) : unknown;
  return members.map((member, index) => {
    const identity = identityOf(member);
    const loan = loanFacts(facts.loans[index] ?? [], identity);
    return { member, loan, reason: obsolete(loan, { validUntil: requestOf(member)?.validUntil, ...identity }, deps.clock.now()) ?? forAll };
  });
}

async function refusal({ channel, open }: DeliveryDependencies, recipient: Recipient, { suppressions }: Facts): Promise<SkipReason | undefined> {
  return obstacle({ suppressed: await suppressedChannels(recipient, suppressions, open), ...recipient.facts }, channel);
}

const requestOf = ({ state, request }: Member): Pick<Request, 'validUntil'> | undefined => state.requested ?? request;

function skipping({ clock }: DeliveryDependencies, member: Member, judged: readonly Judged[]): NotificationCommand[] | undefined {
  const reason = judged.find(({ member: { notificationId } }) => notificationId === member.notificationId)?.reason;
  return reason && [{ type: 'Skip', identity: identityOf(member), reason, at: clock.now() }];
}

/** A new one is requested first; several told in one message name their leader, one alone is no group. */
function requesting({ clock }: DeliveryDependencies, { request, notificationId }: Member, told: readonly Judged[]): NotificationCommand[] {
  if (!request) return [];
  const ids = told.map(({ member }) => member.notificationId);
  const group = ids.length > 1 ? { leader: ids[0]!, ...(notificationId === ids[0] && { members: ids }) } : {};
  return [{ type: 'Request', request: { ...request, ...group }, at: clock.now() }];
}

/** `recipient` is missing when the address cannot be one. */
type Composed = Omit<Outgoing, 'recipient'> & { readonly recipient?: string; readonly raw: string };

/** `now`: business time of the attempt, which its words count the days from. */
export function compose(deps: DeliveryDependencies, told: readonly Pick<Judged, 'member' | 'loan'>[], { facts, personal, now }: Recipient & { readonly now: string }): Composed {
  const leader = told[0]!.member;
  const { department: _, ...about } = identityOf(leader);
  const raw = (deps.channel === 'EMAIL' ? personal.email : personal.phone) ?? '';
  const validUntil = requestOf(leader)?.validUntil;
  return {
    notificationId: leader.notificationId,
    about,
    attemptId: deps.newId(),
    borrowerId: about.borrowerId,
    raw,
    recipient: deps.provider.address(raw),
    model: messageModel(about.type, told.map(({ loan }) => loan), { facts, personal, house: deps.config.house, now }),
    grouped: told.length > 1,
    ...(validUntil !== undefined && { validFor: Math.max(0, Math.floor((Date.parse(validUntil) - Date.parse(now)) / 1000)) }),
  };
}

interface Opening { readonly commands: readonly NotificationCommand[]; readonly afterMs?: number; readonly leaseUntil?: string }

/** What the first append says: it starts, it waits, or it never can. */
async function opening({ provider, gate, clock, realNow, config }: DeliveryDependencies, { recipient, attemptId }: Composed, { probe = false, isNew }: AttemptOptions & { readonly isNew: boolean }): Promise<Opening> {
  if (recipient === undefined) {
    return { commands: [{ type: 'GiveUp', failure: { class: 'RECIPIENT', text: provider.invalidAddress }, at: clock.now() }] };
  }
  const entry = await gate.enter({ maxWaitMs: config.patienceMs, probe, isNew });
  if (!entry.ok) return { commands: [{ type: 'Defer', reason: entry.reason, at: clock.now() }], afterMs: entry.afterMs };
  const leaseUntil = later(realNow(), config.leaseMs);
  return { commands: [{ type: 'StartAttempt', attemptId, leaseUntil, at: clock.now() }], leaseUntil };
}

function noteOpening({ note }: DeliveryDependencies, members: readonly Member[]): void {
  for (const { notificationId, state } of members) {
    const about = { notificationId, type: state.identity?.type };
    if (state.phase === 'skipped') note({ what: 'skipped', ...about, detail: state.skipped });
    else if (state.phase === 'given-up') note({ what: 'given-up', ...about, detail: state.error?.text });
    else if (state.phase === 'ready') note({ what: 'deferred', ...about, detail: state.waiting?.reason });
  }
}
