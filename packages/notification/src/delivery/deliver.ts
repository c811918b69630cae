import type { Channel } from '@rappel/contracts';
import type { AttributionEvent, BorrowerFacts } from '@rappel/lending';
import { done, ignore, retry, type Message, type Outcome } from '@rappel/messaging';
import { chooseChannels, isForOthers, rungOf, type ChannelChoice } from '../channel-policy.ts';
import type { Request } from '../decide.ts';
import type { Identity } from '../events.ts';
import { notificationId } from '../ids.ts';
import { notificationFold } from '../notification.ts';
import type { Waiting } from '../waiting.ts';
import { attempt } from './attempt.ts';
import type { DeliveryDependencies } from './dependencies.ts';
import { openBorrower, openingOnce, readFacts, suppressedChannels, type Facts } from './facts.ts';
import { occasionOf, type AboutLoan, type Occasion } from './occasion.ts';
import { readMember, record, type Member } from './party.ts';
import { comeBack, resume } from './resume.ts';
import type { Sent } from './send.ts';

/**
 * One message of the bus: somebody should be told something. Read again, store, send, store, done: two appends and no
 * look-up, as an expected version of 0 tells whether it was here before. Then it goes on from what its events say.
 */
export async function deliver(given: DeliveryDependencies, message: Message): Promise<Outcome> {
  const occasion = occasionOf(message);
  if (!occasion) return ignore(`nothing to tell for ${message.subject}`);
  const rung = rungOf(occasion.type, { config: given.config.channels, ...occasion });
  if (isForOthers(given.channel, occasion.type, { config: given.config.channels, rung })) return ignore(OTHERS);
  const deps = Object.assign({}, given, { open: openingOnce(given.open) });
  const ids = occasion.companions ?? occasion.loans.map(({ attributionId }) => attributionId);
  const facts = await readFacts(deps, occasion.borrowerId, ids, occasion.checkpoint);
  const loans = occasion.companions ? noticesTogether(facts, occasion) : occasion.loans.map((about, index) => ({ about, events: facts.loans[index]! }));
  if (loans.length < ids.length && isYoung(deps, message)) return retry(COMPANIONS_MS, 'companions have not all been decided yet');
  const choice = await choose(deps, { type: occasion.type, rung }, facts);
  if (choice.kind === 'other') return ignore(OTHERS);
  const wanted = loans.map(({ about, events }) => ({ member: newMember(deps, inConversation(occasion, about, events), about), loan: events }));
  await begin(deps, wanted, (fresh) => {
    const members = fresh.map(({ member }) => member);
    return choice.kind === 'skip' ? skipAll(deps, members, choice) : attempt(deps, members, { facts: { ...facts, loans: fresh.map(({ loan }) => loan) } });
  });
  return done;
}

const OTHERS = 'the other channel tells them';

/** A message about several loans carries the conversation of the first; each of the others has its own, which began with what was last said of its due moment. */
function inConversation(occasion: Occasion, { attributionId, dueVersion }: AboutLoan, events: Facts['loans'][number]): Occasion {
  if (attributionId === occasion.loans[0]!.attributionId) return occasion;
  const { correlationId } = events.find(({ data }) => (data as Partial<AttributionEvent['data']>).loan?.dueVersion === dueVersion)?.metadata ?? {};
  return correlationId ? { ...occasion, metadata: { ...occasion.metadata, correlationId } } : occasion;
}

const COMPANIONS_MS = 150;
const COMPANIONS_PATIENCE_MS = 3000;
const isYoung = ({ realNow }: DeliveryDependencies, { event }: Message): boolean =>
  event.time !== undefined && Date.parse(realNow()) - Date.parse(event.time) < COMPANIONS_PATIENCE_MS;

/**
 * The loans whose own notice of the same moment names the same companions, who may be late together again and again. Each
 * one's message tries to tell them all together; whose notice comes too late is told by their own message, and one that is not late after all never has a notice.
 */
function noticesTogether({ loans }: Facts, { companions = [], loans: own, dueFrom }: Occasion): { about: AboutLoan; events: Facts['loans'][number] }[] {
  return loans.flatMap((events, index) => {
    const notices = events.map((event) => event as unknown as AttributionEvent).filter((event) => event.type === 'AttributionOverdue');
    const notice = notices.find(({ data }) => data.at === dueFrom && data.companions?.join() === companions.join());
    const about = notice ? { ...notice.data.loan, occurrence: notice.data.occurrence } : own.find(({ attributionId }) => attributionId === companions[index]);
    return about ? [{ about, events }] : [];
  });
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
  // The message must come again: whoever is left was told nothing.
  if (fresh.length > 0) throw new Error(`overtaken ${MOST_ROUNDS} times in a row`);
}

const keep = async ({ waiting }: DeliveryDependencies, later: Waiting | undefined): Promise<void> => (later ? waiting.put(later) : undefined);

function newMember({ channel }: DeliveryDependencies, occasion: Occasion, { attributionId, dueVersion, department, occurrence }: AboutLoan): Member {
  const { type, borrowerId, dueFrom, validUntil, metadata } = occasion;
  const named = { attributionId, dueVersion, type, occurrence, channel };
  const identity: Identity = { notificationId: notificationId(named), borrowerId, ...named, ...(department && { department }) };
  const request: Request = { identity, dueFrom, validUntil };
  return { notificationId: identity.notificationId, version: 0, state: notificationFold.initial, metadata, request };
}

/** Which channel tells them, judged by what was known when it was triggered, so that both services answer alike. */
async function choose({ channel, config, open }: DeliveryDependencies, { type, rung }: Pick<Occasion, 'type'> & { rung?: readonly Channel[] }, { asOfTrigger }: Facts): Promise<ChannelChoice> {
  const { borrower, suppressions } = asOfTrigger;
  const isSpeaker = channel === (rung?.[0] ?? config.channels.preferred);
  const among = (facts: BorrowerFacts, suppressed = {}) => chooseChannels({ suppressed, ...facts }, type, { config: config.channels, rung })[channel];
  // Most messages are for the other channel, which needs no key to see.
  const isOthers = borrower.status === 'known' && !isSpeaker && Object.keys(suppressions).length === 0 && among(borrower.facts).kind === 'other';
  if (isOthers) return { kind: 'other' };
  const recipient = await openBorrower(borrower, open);
  if (recipient) return among(recipient.facts, await suppressedChannels(recipient, suppressions, open));
  return isSpeaker ? { kind: 'skip', reason: borrower.status === 'absent' ? 'unknown-borrower' : 'forgotten' } : { kind: 'other' };
}

async function skipAll(deps: DeliveryDependencies, members: readonly Member[], { reason }: Extract<ChannelChoice, { kind: 'skip' }>): Promise<Sent | undefined> {
  const skipped = await record(deps, members, {
    commandId: deps.newId(), onConflict: 'stop',
    commands: ({ request }) => [{ type: 'Skip', identity: request!.identity, reason, at: deps.clock.now() }],
  });
  if (skipped) for (const { notificationId: id, state } of skipped) deps.note({ what: 'skipped', notificationId: id, type: state.identity?.type, detail: reason });
  return skipped && { members: skipped };
}
