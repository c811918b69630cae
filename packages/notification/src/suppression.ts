import type { Channel } from '@rappel/contracts';
import type { EventStore, Fold, Personal, RecordedEvent } from '@rappel/event-store';
import { handleCommand } from '@rappel/event-store';
import { eventId } from './ids.ts';

/** Stream of one borrower's refusals and dead addresses. */
export const suppressionStream = (borrowerId: string): string => `suppression-${borrowerId}`;

/**
 * `opt-out` = the borrower said no to this channel: holds until new consent. `dead-address` = the address (in the `personal`
 * part) takes no messages: holds while the borrower has that address.
 */
export type SuppressionEvent =
  | { type: 'ChannelSuppressed'; data: { borrowerId: string; channel: Channel; kind: 'opt-out' | 'dead-address'; source: string; at: string } }
  | { type: 'ChannelReleased'; data: { borrowerId: string; channel: Channel; actor: string; why: string; at: string } };

interface Suppressed { readonly kind: 'opt-out' | 'dead-address'; readonly source: string; readonly at: string; readonly personal?: Personal }
export type Suppressions = Readonly<Partial<Record<Channel, Suppressed>>>;

export const suppressionFold: Fold<Suppressions> = {
  initial: {},
  evolve: (state, recorded: RecordedEvent) => {
    const { type, data } = recorded as unknown as SuppressionEvent;
    if (type === 'ChannelSuppressed') return { ...state, [data.channel]: { kind: data.kind, source: data.source, at: data.at, personal: recorded.personal } };
    return type === 'ChannelReleased' ? { ...state, [data.channel]: undefined } : state;
  },
};

/** Whether a suppression concerns the address that the borrower has now. */
export async function isSuppressed(suppressed: Suppressed | undefined, address: string | undefined, open: (personal: Personal) => Promise<Personal>): Promise<boolean> {
  if (!suppressed) return false;
  if (suppressed.kind === 'opt-out' || !suppressed.personal) return true;
  const opened = await open(suppressed.personal);
  return opened.state === 'open' && opened.fields.address === address;
}

/** Remembers that a borrower is not to be written to on a channel. `commandId` makes it idempotent. */
export async function suppress(store: EventStore, { borrowerId, channel, kind, source, address, at, commandId }: { borrowerId: string; channel: Channel; kind: 'opt-out' | 'dead-address'; source: string; address?: string; at: string; commandId: string }): Promise<void> {
  const personal: Personal | undefined = address ? { state: 'open', subject: borrowerId, fields: { address } } : undefined;
  await handleCommand(store, suppressionFold, suppressionStream(borrowerId), (state) => (state[channel]?.kind === 'opt-out' ? [] : [{
    id: eventId(borrowerId, commandId, 'ChannelSuppressed'),
    type: 'ChannelSuppressed',
    data: { borrowerId, channel, kind, source, at },
    ...(personal && { personal }),
  }]));
}

/** Whether a command about this borrower is stored already, as either. */
export async function hasHeard(store: EventStore, borrowerId: string, commandId: string): Promise<boolean> {
  const ids = new Set(['ChannelSuppressed', 'ChannelReleased'].map((type) => eventId(borrowerId, commandId, type)));
  return (await store.readStream(suppressionStream(borrowerId))).some(({ id }) => ids.has(id));
}

/** New consent, or an address that works again. */
export async function release(store: EventStore, { borrowerId, channel, actor, why, at, commandId }: { borrowerId: string; channel: Channel; actor: string; why: string; at: string; commandId: string }): Promise<boolean> {
  const { appended } = await handleCommand(store, suppressionFold, suppressionStream(borrowerId), (state) =>
    (state[channel] ? [{ id: eventId(borrowerId, commandId, 'ChannelReleased'), type: 'ChannelReleased', data: { borrowerId, channel, actor, why, at } }] : []));
  return appended !== undefined;
}
