import { done, ignore, type Message, type Outcome } from '@rappel/messaging';
import { chooseChannels, type ChannelChoice } from '../channel-policy.ts';
import type { Request } from '../decide.ts';
import type { Identity } from '../events.ts';
import { notificationId } from '../ids.ts';
import { notificationFold } from '../notification.ts';
import type { Waiting } from '../waiting.ts';
import { attempt } from './attempt.ts';
import type { DeliveryDependencies } from './dependencies.ts';
import { openBorrower, readFacts, suppressedChannels, type Facts } from './facts.ts';
import { occasionOf, type Occasion } from './occasion.ts';
import { readMember, record, type Member } from './party.ts';
import { comeBack, resume } from './resume.ts';
import type { Sent } from './send.ts';

/**
 * One message of the bus: somebody should be told something. Read again, store, send, store, done: two appends and no
 * look-up, as an expected version of 0 tells whether it was here before. Then it goes on from what its events say.
 */
export async function deliver(deps: DeliveryDependencies, message: Message): Promise<Outcome> {
  const occasion = occasionOf(message);
  if (!occasion) return ignore(`nothing to tell for ${message.subject}`);
  const facts = await readFacts(deps, occasion.borrowerId, occasion.loans.map(({ attributionId }) => attributionId), occasion.checkpoint);
  const choice = await choose(deps, occasion, facts);
  if (choice.kind === 'other') return ignore('the other channel tells them');
  const wanted = occasion.loans.map((loan, index) => ({ member: newMember(deps, occasion, loan), loan: facts.loans[index]! }));
  await begin(deps, wanted, (fresh) => {
    const members = fresh.map(({ member }) => member);
    return choice.kind === 'skip' ? skipAll(deps, members, choice) : attempt(deps, members, { facts: { ...facts, loans: fresh.map(({ loan }) => loan) } });
  });
  return done;
}

interface Wanted { readonly member: Member; readonly loan: Facts['loans'][number] }

const MOST_ROUNDS = 5;

/** Acts on those that are new; those that were here before go on from where they stand. */
async function begin(deps: DeliveryDependencies, wanted: readonly Wanted[], act: (fresh: readonly Wanted[]) => Promise<Sent | undefined>): Promise<void> {
  let fresh = wanted;
  for (let round = 0; round < MOST_ROUNDS && fresh.length > 0; round++) {
    const sent = await act(fresh);
    if (sent) return keep(deps, comeBack(deps, sent.members, sent));
    const versions = await Promise.all(fresh.map(({ member }) => readMember(deps.store, member.notificationId)));
    const known = versions.filter(({ version }) => version > 0);
    for (const { notificationId: id } of known) await keep(deps, await resume(deps, id));
    fresh = fresh.filter(({ member }) => !known.some(({ notificationId: id }) => id === member.notificationId));
  }
}

const keep = async ({ waiting }: DeliveryDependencies, later: Waiting | undefined): Promise<void> => (later ? waiting.put(later) : undefined);

function newMember({ channel }: DeliveryDependencies, occasion: Occasion, { attributionId, dueVersion, department }: Occasion['loans'][number]): Member {
  const { type, occurrence, borrowerId, dueFrom, validUntil, metadata } = occasion;
  const named = { attributionId, dueVersion, type, occurrence, channel };
  const identity: Identity = { notificationId: notificationId(named), borrowerId, ...named, ...(department && { department }) };
  const request: Request = { identity, dueFrom, validUntil };
  return { notificationId: identity.notificationId, version: 0, state: notificationFold.initial, metadata, request };
}

/** Which channel tells them, judged by what was known when it was triggered, so that both services answer alike. */
async function choose({ channel, config, open }: DeliveryDependencies, { type, channels }: Occasion, { asOfTrigger }: Facts): Promise<ChannelChoice> {
  const recipient = await openBorrower(asOfTrigger.borrower, open);
  if (!recipient) {
    const reason = asOfTrigger.borrower.status === 'absent' ? 'unknown-borrower' : 'forgotten';
    return channel === (channels?.[0] ?? config.channels.preferred) ? { kind: 'skip', reason } : { kind: 'other' };
  }
  const suppressed = await suppressedChannels(recipient, asOfTrigger.suppressions, open);
  return chooseChannels({ ...recipient.facts, suppressed }, type, { config: config.channels, rung: channels })[channel];
}

async function skipAll(deps: DeliveryDependencies, members: readonly Member[], { reason }: Extract<ChannelChoice, { kind: 'skip' }>): Promise<Sent | undefined> {
  const skipped = await record(members, {
    ...deps, commandId: deps.newId(), onConflict: 'stop',
    commands: ({ request }) => [{ type: 'Skip', identity: request!.identity, reason, at: deps.clock.now() }],
  });
  if (skipped) for (const { notificationId: id, state } of skipped) deps.note({ what: 'skipped', notificationId: id, type: state.identity?.type, detail: reason });
  return skipped && { members: skipped };
}
