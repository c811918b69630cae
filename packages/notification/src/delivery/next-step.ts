import { provenAttempt } from '../decide.ts';
import type { Notification } from '../notification.ts';
import type { WaitReason } from '../waiting.ts';
import type { Member } from './party.ts';

/** What is to be done about those told in one message. */
export type Step =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'wait'; readonly reason: WaitReason; readonly notBefore?: string; readonly notBeforeReal?: string }
  /** A receipt proves an attempt whose outcome nobody recorded. */
  | { readonly kind: 'proven'; readonly members: readonly Member[]; readonly attemptId: string }
  /** The lease ended without an outcome. */
  | { readonly kind: 'crashed'; readonly members: readonly Member[] }
  | { readonly kind: 'settle'; readonly members: readonly Member[] }
  | { readonly kind: 'attempt'; readonly members: readonly Member[] }
  | { readonly kind: 'miss-receipt'; readonly members: readonly Member[] };

export interface Now {
  /** Business time. */
  readonly now: string;
  readonly realNow: string;
  readonly receiptSeconds: number;
  /** Whether this channel has receipts. */
  readonly receipts: boolean;
}

const HELD_LOOK_AGAIN_MS = 600_000;
const plus = (at: string, ms: number): string => new Date(Date.parse(at) + ms).toISOString();
const inPhase = (members: readonly Member[], phase: Notification['phase']): Member[] => members.filter(({ state }) => state.phase === phase);

/** Pure: the most pressing thing first. Members share their attempts, so a phase is usually common to all of them. */
export function nextStep(members: readonly Member[], at: Now): Step {
  for (const phase of ['attempting', 'unknown', 'ready', 'held', 'accepted'] as const) {
    const concerned = inPhase(members, phase);
    if (concerned.length > 0) return steps[phase](concerned, at);
  }
  return { kind: 'nothing' };
}

const proof = (members: readonly Member[]): Step | undefined => {
  const attemptId = provenAttempt(members[0]!.state);
  return attemptId === undefined ? undefined : { kind: 'proven', members, attemptId };
};

const steps: Readonly<Record<'attempting' | 'unknown' | 'ready' | 'held' | 'accepted', (members: readonly Member[], at: Now) => Step>> = {
  attempting: (members, { realNow }) => {
    const leaseUntil = members[0]!.state.attempt!.leaseUntil;
    return realNow < leaseUntil ? { kind: 'wait', reason: 'lease', notBeforeReal: leaseUntil } : { kind: 'crashed', members };
  },
  unknown: (members) => proof(members) ?? { kind: 'settle', members },
  ready: (members, { now }) => {
    const { waiting } = members[0]!.state;
    if (waiting?.until !== undefined && now < waiting.until) return { kind: 'wait', reason: waiting.reason, notBefore: waiting.until };
    return proof(members) ?? { kind: 'attempt', members };
  },
  held: (members, { realNow }) => proof(members) ?? { kind: 'wait', reason: 'held', notBeforeReal: plus(realNow, HELD_LOOK_AGAIN_MS) },
  accepted: (members, { now, receipts, receiptSeconds }) => {
    const open = members.filter(({ state }) => !state.receiptMissing && (!state.delivery || state.delivery === 'queued' || state.delivery === 'sent'));
    if (!receipts || open.length === 0) return { kind: 'nothing' };
    const deadline = plus(open[0]!.state.sentAt!, receiptSeconds * 1000);
    return now < deadline ? { kind: 'wait', reason: 'receipt', notBefore: deadline } : { kind: 'miss-receipt', members: open };
  },
};
