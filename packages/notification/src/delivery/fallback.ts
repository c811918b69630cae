import { publicEvents, type ErrorClass, type NotificationRef, type PublicEventData } from '@rappel/contracts';
import type { Append } from '@rappel/event-store';
import { done, ignore, type Message, type Outcome } from '@rappel/messaging';
import { obstacle } from '../channel-policy.ts';
import { decide } from '../decide.ts';
import { twilioCodes } from '../error-classes.ts';
import { notificationStream } from '../events.ts';
import { notificationId } from '../ids.ts';
import { notificationFold } from '../notification.ts';
import { toNewEvents } from '../record.ts';
import { attempt } from './attempt.ts';
import type { DeliveryDependencies } from './dependencies.ts';
import { openBorrower, readFacts, suppressedChannels, type Facts } from './facts.ts';
import { identityOf, readMember, readParty, record, type Member } from './party.ts';
import { comeBack, resume } from './resume.ts';

/** What a message says went wrong with a WhatsApp notification; undefined when nothing did. */
function troubleOf({ subject, event }: Message): { notification: NotificationRef; class: ErrorClass | undefined } | undefined {
  if (subject === publicEvents.NotificationGivenUp.subject) {
    const { notification, class: errorClass } = event.data as PublicEventData<'NotificationGivenUp'>;
    return { notification, class: errorClass };
  }
  if (subject !== publicEvents.NotificationDelivery.subject) return undefined;
  const { notification, delivery, code } = event.data as PublicEventData<'NotificationDelivery'>;
  return delivery === 'failed' || delivery === 'undelivered' ? { notification, class: code === undefined ? undefined : twilioCodes.get(code) } : undefined;
}

/** A WhatsApp notification that did not work out, and the email notification that would stand in for it. */
interface Pair { readonly failed: Member; readonly email: Member }

const MOST_ROUNDS = 5;

/**
 * An email instead of a WhatsApp message that was given up, or that a receipt says did not arrive, for a reason that email can
 * heal. The email is requested and the WhatsApp notification marked as replaced in one append: a replay and a fallback at the
 * same moment cannot both win, so it is never both. `deps` are the email channel's.
 */
export async function fallBack(deps: DeliveryDependencies, message: Message, classes: readonly ErrorClass[]): Promise<Outcome> {
  const trouble = troubleOf(message);
  if (trouble?.notification.channel !== 'WHATSAPP') return ignore('nothing that failed on WhatsApp');
  if (!trouble.class || !classes.includes(trouble.class)) return ignore(`an email does not heal ${trouble.class ?? 'an unknown failure'}`);
  return standIn(deps, trouble.notification);
}

async function standIn(deps: DeliveryDependencies, { notificationId: id, borrowerId }: NotificationRef): Promise<Outcome> {
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const pairs = await pairsOf(deps, id);
    const fresh = pairs.filter(({ failed, email }) => email.version === 0 && decide({ type: 'Replace', by: email.notificationId, at: '' }, failed.state).length > 0);
    if (fresh.length === 0) return goOn(deps, pairs);
    const facts = await readFacts(deps, borrowerId, fresh.map(({ email }) => identityOf(email).attributionId));
    const reason = await refusal(deps, facts);
    if (reason === 'suppressed') await skipSuppressed(deps, fresh);
    if (reason) return ignore(`no email instead: ${reason}`);
    const sent = await attempt(deps, fresh.map(({ email }) => email), { facts, also: fresh.map((pair) => replaced(deps, pair)) });
    if (!sent) continue;
    const later = comeBack(deps, sent.members, sent);
    if (later) await deps.waiting.put(later);
    return done;
  }
  throw new Error('the fallback was overtaken again and again');
}

async function pairsOf({ store }: DeliveryDependencies, id: string): Promise<Pair[]> {
  const party = await readParty(store, id);
  return Promise.all(party.filter(({ state }) => state.identity).map(async (failed) => {
    const identity = { ...identityOf(failed), channel: 'EMAIL' as const };
    const emailId = notificationId(identity);
    const { dueFrom, validUntil, at } = failed.state.requested ?? { dueFrom: '', at: '' };
    const request = { identity: { ...identity, notificationId: emailId }, dueFrom: dueFrom || at, validUntil, replaces: failed.notificationId };
    const email = await readMember(store, emailId);
    return { failed, email: email.version === 0 ? { ...email, state: notificationFold.initial, request, metadata: failed.metadata } : email };
  }));
}

async function refusal({ open }: DeliveryDependencies, { borrower, suppressions }: Facts): Promise<string | undefined> {
  const recipient = await openBorrower(borrower, open);
  if (!recipient) return 'unknown or forgotten borrower';
  if (!recipient.facts.preferences.fallback) return 'the borrower does not want it';
  return obstacle({ ...recipient.facts, suppressed: await suppressedChannels(recipient, suppressions, open) }, 'EMAIL');
}

/** That an address is left alone is told wherever it keeps a message from being sent; a wish not to have mails is none to be told of. */
async function skipSuppressed(deps: DeliveryDependencies, pairs: readonly Pair[]): Promise<void> {
  await record(deps, pairs.map(({ email }) => email), {
    commandId: deps.newId(), onConflict: 'stop',
    commands: ({ request }) => [{ type: 'Skip', identity: request!.identity, reason: 'suppressed', detail: `instead of ${request!.replaces}`, at: deps.clock.now() }],
  });
}

function replaced({ clock }: DeliveryDependencies, { failed, email }: Pair): Append {
  const { notificationId: id, version, state, metadata } = failed;
  const events = decide({ type: 'Replace', by: email.notificationId, at: clock.now() }, state);
  return { stream: notificationStream(id), events: toNewEvents(events, { notificationId: id, commandId: email.notificationId, metadata }), expected: version };
}

/** Nothing new: an email of ours that a crash left behind goes on. */
async function goOn(deps: DeliveryDependencies, pairs: readonly Pair[]): Promise<Outcome> {
  const ours = pairs.filter(({ failed, email }) => email.state.requested?.replaces === failed.notificationId);
  for (const { email } of ours) {
    const later = await resume(deps, email.notificationId);
    if (later) await deps.waiting.put(later);
  }
  return ours.length > 0 ? done : ignore('told by email already, or no longer failed');
}
