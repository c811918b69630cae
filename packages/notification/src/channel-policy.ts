import { channels as allChannels, type Channel, type NotificationType } from '@rappel/contracts';
import { reachOn, type BorrowerFacts } from '@rappel/lending';
import type { SkipReason } from './events.ts';

export interface ChannelConfig {
  /** Channel used when the borrower allows several, does not want all of them and prefers none. Default EMAIL. */
  readonly preferred: Channel;
  /** Channels that a type may use; absent = all. */
  readonly perType?: Readonly<Partial<Record<NotificationType, readonly Channel[]>>>;
}

export const defaultChannelConfig: ChannelConfig = { preferred: 'EMAIL' };

/** `other` = another channel tells them: nothing to record here. */
export type ChannelChoice = { readonly kind: 'send' } | { readonly kind: 'other' } | { readonly kind: 'skip'; readonly reason: SkipReason };

export type ChannelFacts = Pick<BorrowerFacts, 'preferences' | 'has'> & {
  /** Channels on which the borrower may not be written to, whatever their preferences say. */
  readonly suppressed?: Readonly<Partial<Record<Channel, boolean>>>;
};

/** Why a borrower cannot be told on a channel; undefined when they can. */
export function obstacle(facts: ChannelFacts, channel: Channel): SkipReason | undefined {
  if (facts.suppressed?.[channel]) return 'suppressed';
  const { allowed, present } = reachOn(facts, channel);
  if (!allowed) return 'preference';
  return present ? undefined : 'no-address';
}

export interface Restriction {
  readonly config: ChannelConfig;
  /** Channels that the message is for. */
  readonly channels?: readonly Channel[];
  /** Channels on which whoever announced it knew that the borrower can be reached. */
  readonly reachable?: readonly Channel[];
}

const isOpen = (type: NotificationType, { perType }: ChannelConfig) => (channel: Channel): boolean => (perType?.[type] ?? allChannels).includes(channel);

/** The channels that a message is restricted to; both services read the same message. What is known to reach the borrower counts unless the type uses none of it. */
export const rungOf = (type: NotificationType, { config, channels, reachable }: Restriction): readonly Channel[] | undefined =>
  channels ?? (reachable?.some(isOpen(type, config)) ? reachable : undefined);

/** Whether the message alone says that another channel tells them, whoever they are: it may be told on one that is not this. */
export const isForOthers = (channel: Channel, type: NotificationType, { config, rung }: { config: ChannelConfig; rung?: readonly Channel[] }): boolean =>
  rung !== undefined && !rung.includes(channel) && rung.some(isOpen(type, config));

/**
 * Who tells them. Usable = allowed by the borrower, with an address, open to this type and rung. A borrower who wants both
 * gets every usable channel, else the preferred one if usable, else the other. With none usable exactly one channel, the
 * preferred (or only open) one, records why, so that the log says it once.
 */
export function chooseChannels(facts: ChannelFacts, type: NotificationType, { config, rung }: { config: ChannelConfig; rung?: readonly Channel[] }): Readonly<Record<Channel, ChannelChoice>> {
  const first = facts.preferences.preferred ?? config.preferred;
  const order = [first, ...allChannels.filter((channel) => channel !== first)];
  const open = order.filter((channel) => (rung ?? allChannels).includes(channel)).filter(isOpen(type, config));
  const usable = open.filter((channel) => !obstacle(facts, channel));
  const chosen = facts.preferences.both ? usable : usable.slice(0, 1);
  const speaker = open[0] ?? first;
  const choice = (channel: Channel): ChannelChoice => {
    if (chosen.includes(channel)) return { kind: 'send' };
    if (chosen.length > 0 || channel !== speaker) return { kind: 'other' };
    return { kind: 'skip', reason: obstacle(facts, channel) ?? 'preference' };
  };
  return { EMAIL: choice('EMAIL'), WHATSAPP: choice('WHATSAPP') };
}
