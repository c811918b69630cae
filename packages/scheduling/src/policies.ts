import type { Clock } from '@rappel/contracts';
import { derivedIds, isVersionConflict, type EventStore, type RecordedEvent } from '@rappel/event-store';
import { defaultPolicy, Policy, type ActivePolicy } from './policy.ts';

export const policyStream = 'policy-reminders';
const idOf = derivedIds('b0f0a4f6-5d55-4c5e-8f0a-1a5d0c1f8a63');

/** Stored in `policy-reminders`: each replaces the one before from `at` on. */
interface PolicyActivated {
  readonly version: number;
  readonly policy: Policy;
  readonly why?: string;
  readonly at: string;
}

/** A policy with who put it in force and why. */
export interface RecordedPolicy extends ActivePolicy {
  readonly actor?: string;
  readonly why?: string;
}

/** Somebody else changed the policy meanwhile. */
export class PolicyRefused extends Error {
  override readonly name = 'PolicyRefused';
  readonly code = 'policy-changed';
}

/** The policies as they followed one another. */
export interface PolicyBook {
  /** In order, at least one. */
  all(): readonly RecordedPolicy[];
  active(): RecordedPolicy;
  /** Resolves once this version is in the book, read from the store if another instance has just put it in force. Rejects when nobody has. */
  reach(version: number): Promise<void>;
  /**
   * Puts a policy in force from now on, recorded with who and why.
   * @param basedOn version that the change was made from; rejects with `PolicyRefused` when another is in force.
   */
  activate(change: { policy: Policy; basedOn: number; actor?: string; why?: string }): Promise<RecordedPolicy>;
  /** Takes in changes, own ones and those of other instances; `changed` is called after each, and once at the start. Ends with the signal. */
  follow(signal: AbortSignal, changed: () => Promise<void>): Promise<void>;
}

/** Reads the book; the first scheduler ever started records the default policy as version 1. */
export async function openPolicyBook(store: EventStore, clock: Clock): Promise<PolicyBook> {
  let book = await read(store);
  if (book.length === 0) {
    await record(store, { version: 1, policy: defaultPolicy, at: EVER }).catch((error: unknown) => { if (!isVersionConflict(error)) throw error; });
    book = await read(store);
  }
  const turn = (recorded: RecordedPolicy): void => { if (recorded.version === book.length + 1) book = [...book, recorded]; };
  return {
    all: () => book,
    active: () => book.at(-1)!,
    reach: async (version) => {
      if (version > book.length) (await read(store)).forEach(turn);
      if (version > book.length) throw new Error(`policy version ${version} is not in the store`);
    },
    activate: async ({ policy, basedOn, actor, why }) => {
      const version = basedOn + 1;
      const at = clock.now();
      try {
        await record(store, { version, policy, ...(why ? { why } : {}), at }, actor);
      } catch (error) {
        if (isVersionConflict(error)) throw new PolicyRefused(`version ${basedOn} is not the one in force`, { cause: error });
        throw error;
      }
      const activated = { version, policy, at, ...(actor ? { actor } : {}), ...(why ? { why } : {}) };
      turn(activated);
      return activated;
    },
    follow: async (signal, changed) => {
      for await (const { events } of store.subscribe({ categories: ['policy'], signal })) {
        const news = events.filter(({ stream }) => stream === policyStream);
        news.map(fromEvent).forEach(turn);
        if (news.length > 0) await changed();
      }
    },
  };
}

/** The default holds for loans of any age. */
const EVER = '1970-01-01T00:00:00.000Z';

async function read(store: EventStore): Promise<RecordedPolicy[]> {
  return (await store.readStream(policyStream)).map(fromEvent);
}

function fromEvent({ data, metadata }: RecordedEvent): RecordedPolicy {
  const { version, policy, why, at } = data as PolicyActivated;
  // Options that a newer release added take their defaults.
  return { version, policy: Policy.parse(policy), at, ...(why ? { why } : {}), ...(metadata.actor ? { actor: metadata.actor } : {}) };
}

async function record(store: EventStore, data: PolicyActivated, actor?: string): Promise<void> {
  const id = idOf(`${data.version} ${data.at} ${JSON.stringify(data.policy)}`);
  await store.append(policyStream, [{ id, type: 'PolicyActivated', data, ...(actor ? { metadata: { actor } } : {}) }], data.version - 1);
}
