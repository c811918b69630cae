import { isStoreUnavailable, isVersionConflict, type Append, type EventStore, type Metadata, type Personal, type RecordedEvent } from '@rappel/event-store';
import type { NotificationCommand, Request } from '../decide.ts';
import type { NotificationEvent } from '../events.ts';
import { notificationStream } from '../events.ts';
import { notificationFold, type Notification } from '../notification.ts';
import { decideAll, toNewEvents } from '../record.ts';
import type { DeliveryDependencies } from './dependencies.ts';

/** One notification of those that a message tells. */
export interface Member {
  readonly notificationId: string;
  /** Events that its stream held when it was read. */
  readonly version: number;
  readonly state: Notification;
  /** The latest personal part as stored: the recipient. */
  readonly personal?: Personal;
  /** Why it is there, carried on to every event. */
  readonly metadata?: Metadata;
  /** What is to be stored first, for one that does not exist yet. */
  readonly request?: Request;
}

export const identityOf = ({ state, request }: Member): Request['identity'] => (state.identity ?? request?.identity)!;

export async function readMember(store: EventStore, notificationId: string): Promise<Member> {
  const events: readonly RecordedEvent[] = await store.readStream(notificationStream(notificationId));
  const state = events.reduce(notificationFold.evolve, notificationFold.initial);
  return { notificationId, version: events.length, state, personal: events.findLast(({ personal }) => personal)?.personal, metadata: events[0]?.metadata };
}

/** All that are told in one message with this one, the leader first. */
export async function readParty(store: EventStore, notificationId: string): Promise<Member[]> {
  const member = await readMember(store, notificationId);
  const leaderId = member.state.requested?.leader ?? notificationId;
  const leader = leaderId === notificationId ? member : await readMember(store, leaderId);
  const others = (leader.state.requested?.members ?? []).filter((id) => id !== leaderId);
  return [leader, ...await Promise.all(others.map((id) => (id === notificationId ? member : readMember(store, id))))];
}

type Recorder = Pick<DeliveryDependencies, 'store' | 'sleep'>;

export interface RecordOptions {
  /** Makes the event ids. */
  readonly commandId: string;
  readonly commands: (member: Member) => readonly NotificationCommand[];
  /** `stop` = somebody else was faster: nothing is recorded. `again` = read and decide anew. */
  readonly onConflict: 'stop' | 'again';
  /** Recipient; goes with each member's first event. */
  readonly personal?: Personal;
  /** Appended in the same transaction, or not at all. */
  readonly also?: readonly Append[];
}

const MOST_ROUNDS = 10;
const UNAVAILABLE_PAUSES_MS = [50, 200, 1000, 2000];

/**
 * Decides for each member and appends for all of them at once. Answers with the members as they are afterwards, `undefined`
 * when it stopped. An append whose fate is unknown is sent again with the same ids, which the store takes once.
 */
export async function record({ store, sleep }: Recorder, members: readonly Member[], options: RecordOptions): Promise<Member[] | undefined> {
  let current = [...members];
  for (let round = 1; ; round++) {
    const decided = current.map((member) => ({ member, ...decideAll(options.commands(member), member.state) }));
    const appends = [...decided.flatMap(({ member, events }) => (events.length > 0 ? [toAppend(member, events, options)] : [])), ...(options.also ?? [])];
    if (appends.length === 0) return current;
    try {
      await appendAll(appends, { store, sleep });
      return decided.map(({ member, events, state }) => Object.assign({}, member, { state, version: member.version + events.length }));
    } catch (error) {
      if (!isVersionConflict(error)) throw error;
      if (options.onConflict === 'stop' || round === MOST_ROUNDS) return undefined;
      current = await Promise.all(current.map(async (member) => ({ ...member, ...await readMember(store, member.notificationId) })));
    }
  }
}

function toAppend(member: Member, events: readonly NotificationEvent[], { commandId, personal }: RecordOptions): Append {
  const { notificationId, version, metadata } = member;
  return {
    stream: notificationStream(notificationId),
    events: toNewEvents(events, { notificationId, commandId, metadata, personal }),
    expected: version,
  };
}

async function appendAll(appends: readonly Append[], { store, sleep }: Recorder): Promise<void> {
  const [only] = appends;
  for (let attempt = 0; ; attempt++) {
    try {
      await (appends.length === 1 ? store.append(only!.stream, only!.events, only!.expected) : store.appendMany(appends));
      return;
    } catch (error) {
      const pauseMs = UNAVAILABLE_PAUSES_MS[attempt];
      if (!isStoreUnavailable(error) || pauseMs === undefined) throw error;
      await sleep(pauseMs);
    }
  }
}
