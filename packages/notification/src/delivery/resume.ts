import type { Checkpoint, EventStore } from '@rappel/event-store';
import { later } from '../channel-state.ts';
import type { NotificationCommand } from '../decide.ts';
import { notificationStream } from '../events.ts';
import { priorities } from '../priority.ts';
import type { Settlement } from '../provider.ts';
import type { Waiting } from '../waiting.ts';
import { attempt, compose } from './attempt.ts';
import type { DeliveryDependencies } from './dependencies.ts';
import { openBorrower, readFacts } from './facts.ts';
import { loanFacts } from './loan-facts.ts';
import { nextStep, type Step } from './next-step.ts';
import { identityOf, readParty, record, type Member } from './party.ts';

const SETTLE_FIRST_MS = 2000;
const EVIDENCE_UNAVAILABLE_MS = 15_000;
const MOST_STEPS = 20;

/** When to come back to a notification; undefined = never. */
type Later = Waiting | undefined;

/**
 * Takes a notification, and those told in the same message, as far as it goes now, from whatever state its events tell:
 * the same for a redelivered message, a due retry, a crashed worker's leftovers and an operator's replay.
 */
export async function resume(deps: DeliveryDependencies, notificationId: string, { probe = false }: { probe?: boolean } = {}): Promise<Later> {
  for (let round = 0; round < MOST_STEPS; round++) {
    const party = await readParty(deps.store, notificationId);
    const step = nextStep(party, at(deps));
    switch (step.kind) {
      case 'nothing': return undefined;
      case 'wait': return row(party, step);
      case 'attempt': {
        const sent = await attemptAgain(deps, step.members, probe);
        if (sent) return comeBack(deps, party, sent);
        break;
      }
      case 'settle': {
        const wait = await settle(deps, step.members);
        if (wait !== undefined) return row(party, { kind: 'wait', reason: 'unknown', notBeforeReal: later(deps.realNow(), wait) });
        break;
      }
      default: await recordEach(deps, step.members, plain(deps, step));
    }
  }
  throw new Error(`notification ${notificationId} did not settle in ${MOST_STEPS} steps`);
}

/** Where it stands after an attempt, as something to come back to. */
export function comeBack(deps: DeliveryDependencies, party: readonly Member[], { members, afterMs = 0 }: { members: readonly Member[]; afterMs?: number }): Later {
  const changed = new Map(members.map((member) => [member.notificationId, member]));
  const step = nextStep(party.map((member) => changed.get(member.notificationId) ?? member), at(deps));
  switch (step.kind) {
    case 'nothing': return undefined;
    case 'wait': return row(party, step);
    case 'settle': return row(party, { kind: 'wait', reason: 'unknown', notBeforeReal: later(deps.realNow(), SETTLE_FIRST_MS) });
    default: {
      const { reason = 'retry' } = members[0]?.state.waiting ?? {};
      // Over the limit per second it is the worker that rests: with a moment of its own for each, the urgent would not be the first to be claimed after it.
      return row(party, { kind: 'wait', reason, ...(reason !== 'rate' && { notBeforeReal: later(deps.realNow(), afterMs) }) });
    }
  }
}

const at = ({ clock, realNow, provider, config }: DeliveryDependencies) =>
  ({ now: clock.now(), realNow: realNow(), receipts: provider.receipts, receiptSeconds: config.receiptSeconds });

function row(party: readonly Member[], { reason, notBefore, notBeforeReal }: Extract<Step, { kind: 'wait' }>): Waiting {
  // Those skipped from the start belong to no group, and none of them leads.
  const member = party.find(({ state }) => state.phase !== 'skipped') ?? party[0]!;
  return { notificationId: member.state.requested?.leader ?? member.notificationId, priority: priorities[identityOf(member).type], reason, notBefore, notBeforeReal };
}

function plain({ clock, config }: DeliveryDependencies, step: Extract<Step, { kind: 'proven' | 'crashed' | 'miss-receipt' }>): (member: Member) => NotificationCommand {
  const now = clock.now();
  switch (step.kind) {
    case 'crashed': return ({ state }) => ({ type: 'RecordUnknown', attemptId: state.attempt!.id, cause: 'crash', text: 'no outcome was recorded before the lease ended', at: now });
    case 'proven': return ({ state }) => ({ type: 'Settle', attemptId: step.attemptId, verdict: 'sent', evidence: 'receipt', providerId: state.receipts[step.attemptId], retry: config.retry, at: now });
    case 'miss-receipt': return () => ({ type: 'MissReceipt', after: `${config.receiptSeconds} s`, at: now });
  }
}

async function recordEach(deps: DeliveryDependencies, members: readonly Member[], command: (member: Member) => NotificationCommand): Promise<void> {
  await record(deps, members, { commandId: deps.newId(), onConflict: 'stop', commands: (member) => [command(member)] });
}

async function attemptAgain(deps: DeliveryDependencies, members: readonly Member[], probe: boolean): ReturnType<typeof attempt> {
  return attempt(deps, members, { facts: await factsOf(deps, members), probe });
}

const factsOf = (deps: { store: EventStore }, members: readonly Member[], asOf?: Checkpoint) =>
  readFacts(deps, identityOf(members[0]!).borrowerId, members.map((member) => identityOf(member).attributionId), asOf);

/** Looks for evidence; undefined = settled, else real milliseconds until it is worth looking again. */
async function settle(deps: DeliveryDependencies, members: readonly Member[]): Promise<number | undefined> {
  const found = await evidence(deps, members);
  if (found.kind === 'undecided') return found.afterMs;
  const { kind: verdict, evidence: by } = found;
  const providerId = found.kind === 'sent' ? found.providerId : undefined;
  deps.note({ what: 'settled', notificationId: members[0]!.notificationId, detail: `${verdict} by ${by}` });
  await recordEach(deps, members, ({ state }) => ({ type: 'Settle', attemptId: state.attempt!.id, verdict, evidence: by, providerId, retry: deps.config.retry, at: deps.clock.now() }));
  return undefined;
}

async function evidence(deps: DeliveryDependencies, members: readonly Member[]): Promise<Settlement> {
  const { state } = members[0]!;
  const { id, leaseUntil } = state.attempt!;
  const begun = await beginningOf(deps, members[0]!, id);
  const facts = await factsOf(deps, members, begun.checkpoint);
  const recipient = facts.borrower.status === 'known' ? await openBorrower(facts.asOfTrigger.borrower, deps.open) : undefined;
  // Who is forgotten has no address to look under, and shall not be written to again.
  if (!recipient) return { kind: 'held', evidence: 'policy-hold' };
  const end = Date.parse(leaseUntil);
  const told = members.map((member, index) => ({ member, loan: loanFacts((facts.loans[index] ?? []).filter(({ checkpoint }) => checkpoint <= begun.checkpoint), identityOf(member)) }));
  const outgoing = compose(deps, told, { ...recipient, now: begun.at });
  const sealed = await sealedWith(deps, members[0]!);
  const stoppedBy = state.attempt!.unknown === 'provider' ? end - deps.config.leaseMs + deps.provider.sendTimeoutMs : end;
  return deps.provider.settle({
    outgoing: { ...outgoing, attemptId: id, recipient: sealed?.recipient ?? outgoing.recipient ?? outgoing.raw },
    notBefore: new Date(end - deps.config.leaseMs).toISOString(),
    quietMs: Date.parse(deps.realNow()) - stoppedBy,
    resends: state.resends,
    ...(sealed?.fingerprint && { fingerprint: sealed.fingerprint }),
  }).catch(() => ({ kind: 'undecided', afterMs: EVIDENCE_UNAVAILABLE_MS }));
}

/** Place in the store and business time at which the attempt began: evidence is looked for by the words of then, not by those of an extension or another name since. */
async function beginningOf({ store }: DeliveryDependencies, { notificationId }: Member, attemptId: string): Promise<{ readonly checkpoint: Checkpoint; readonly at: string }> {
  const events = await store.readStream(notificationStream(notificationId));
  const { checkpoint, data } = events.find(({ type, data }) => type === 'AttemptStarted' && (data as { attemptId: string }).attemptId === attemptId)!;
  return { checkpoint, at: (data as { at: string }).at };
}

/** The address that the attempt went to, which may not be the borrower's any more, and the fingerprint of its words. */
async function sealedWith({ open }: DeliveryDependencies, { personal }: Member): Promise<{ readonly recipient?: string; readonly fingerprint?: string } | undefined> {
  const opened = personal && await open(personal);
  return opened?.state === 'open' ? opened.fields : undefined;
}
