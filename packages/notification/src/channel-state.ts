import type { Channel } from '@rappel/contracts';
import type { Fold, RecordedEvent } from '@rappel/event-store';

/** Stream of a channel's own troubles. */
export const channelStream = (channel: Channel): string => `channel-${channel}`;

/** Times are real. Each event stands alone: the last one holds. */
export type ChannelEvent =
  /** Nothing is sent until it is resumed; tried again with one notification at `probeAt` (absent = only by command). `by` = `provider`, `receipt` or an operator. */
  | { type: 'ChannelPaused'; data: { channel: Channel; by: string; text: string; code?: string; probeAt?: string; probes: number; since: string; at: string } }
  /** Nothing is sent until then; `step` counts refusals in a row. */
  | { type: 'ChannelThrottled'; data: { channel: Channel; until: string; step: number; text: string; code?: string; at: string } }
  | { type: 'ChannelResumed'; data: { channel: Channel; by: string; at: string } };

export type ChannelState =
  /** `by` = who opened it again: `probe`, where a message got through, or an operator. Absent: it never was closed. */
  | { readonly kind: 'open'; readonly by?: string }
  | { readonly kind: 'paused'; readonly by: string; readonly text: string; readonly code?: string; readonly probeAt?: string; readonly probes: number; readonly since: string }
  | { readonly kind: 'throttled'; readonly until: string; readonly step: number; readonly text: string; readonly code?: string };

export interface ChannelPolicy {
  /** Real milliseconds before a paused channel is tried again: first, second, …; the last one repeats. Default 30 s, 2 min, 10 min. */
  readonly probeAfterMs: readonly number[];
  /** Real milliseconds that a first throttling lasts; doubled while it goes on. Default 1 s. */
  readonly throttleMs: number;
  /** Most that it lasts. Default 60 s. */
  readonly throttleMaxMs: number;
}

export const defaultChannelPolicy: ChannelPolicy = { probeAfterMs: [30_000, 120_000, 600_000], throttleMs: 1000, throttleMaxMs: 60_000 };

export const channelFold: Fold<ChannelState> = {
  initial: { kind: 'open' },
  evolve: (state, recorded: RecordedEvent): ChannelState => {
    const { type, data } = recorded as unknown as ChannelEvent;
    switch (type) {
      case 'ChannelPaused': return { kind: 'paused', by: data.by, text: data.text, code: data.code, probeAt: data.probeAt, probes: data.probes, since: data.since };
      case 'ChannelThrottled': return { kind: 'throttled', until: data.until, step: data.step, text: data.text, code: data.code };
      case 'ChannelResumed': return { kind: 'open', by: data.by };
      default: return state;
    }
  },
};

export const later = (from: string, ms: number): string => new Date(Date.parse(from) + ms).toISOString();

type Trouble = { readonly channel: Channel; readonly by: string; readonly text: string; readonly code?: string; readonly now: string };

/** A refusal for everybody, or an operator's word. While paused, a failed probe moves the next one further away. */
export function pause(state: ChannelState, { channel, by, text, code, now }: Trouble, policy: ChannelPolicy): ChannelEvent[] {
  const probing = by === 'provider' || by === 'receipt';
  if (state.kind === 'paused' && (!probing || !state.probeAt || now < state.probeAt)) return [];
  const probes = state.kind === 'paused' ? state.probes + 1 : 0;
  const wait = policy.probeAfterMs[Math.min(probes, policy.probeAfterMs.length - 1)] ?? 0;
  const since = state.kind === 'paused' ? state.since : now;
  return [{ type: 'ChannelPaused', data: { channel, by, text, code, probeAt: probing ? later(now, wait) : undefined, probes, since, at: now } }];
}

/** One worker takes the probe: whoever moves `probeAt` may try one notification. */
export function takeProbe(state: ChannelState, { channel, now }: { channel: Channel; now: string }, policy: ChannelPolicy): ChannelEvent[] {
  if (state.kind !== 'paused' || !state.probeAt || now < state.probeAt) return [];
  const { by, text, code, since } = state;
  return pause(state, { channel, by, text, code, now }, policy).map((event) => ({ ...event, data: { ...event.data, since } }) as ChannelEvent);
}

export function throttle(state: ChannelState, { channel, text, code, now, forMs }: Omit<Trouble, 'by'> & { readonly forMs?: number }, policy: ChannelPolicy): ChannelEvent[] {
  if (state.kind === 'paused' || (state.kind === 'throttled' && now < state.until)) return [];
  const inARow = state.kind === 'throttled' && Date.parse(now) - Date.parse(state.until) < policy.throttleMaxMs;
  const step = inARow ? state.step + 1 : 0;
  const until = later(now, forMs ?? Math.min(policy.throttleMaxMs, policy.throttleMs * 2 ** step));
  return [{ type: 'ChannelThrottled', data: { channel, until, step, text, code, at: now } }];
}

export const resume = (state: ChannelState, { channel, by, now }: { channel: Channel; by: string; now: string }): ChannelEvent[] =>
  (state.kind === 'paused' ? [{ type: 'ChannelResumed', data: { channel, by, at: now } }] : []);
