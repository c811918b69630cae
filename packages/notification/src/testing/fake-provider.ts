import type { Channel } from '@rappel/contracts';
import { parsePhone } from '../phone.ts';
import type { Outgoing, Provider, SendResult, Settlement } from '../provider.ts';

/** What the fake provider does with one message. `lost` = taken, but the caller never learns it. */
export type Fate = { readonly kind: 'take' } | { readonly kind: 'lost' } | { readonly kind: 'unknown' } | Extract<SendResult, { kind: 'failed' }>;

export interface Delivered { readonly notificationId: string; readonly attemptId: string; readonly recipient: string; readonly codes: readonly string[]; readonly type: string }

/** A provider that keeps the truth of what it took, for unit tests and the simulation. */
export function createFakeProvider({ channel, fate = () => ({ kind: 'take' }), settle, receipts = false }: { channel: Channel; fate?: (outgoing: Outgoing) => Fate; settle?: Provider['settle']; receipts?: boolean }): Provider & { readonly taken: readonly Delivered[]; readonly asked: () => number } {
  const taken: Delivered[] = [];
  let asked = 0;
  const take = ({ notificationId, attemptId, recipient, model }: Outgoing): string => {
    taken.push({ notificationId, attemptId, recipient, codes: model.items.map(({ code }) => code), type: model.type });
    return `SM${taken.length}`;
  };
  return {
    channel, taken, asked: () => asked,
    receipts,
    invalidAddress: channel === 'EMAIL' ? 'Invalid recipient email address' : 'Invalid recipient phone number',
    sendTimeoutMs: 5000,
    address: (raw) => (channel === 'EMAIL' ? (raw.includes('@') ? raw : undefined) : parsePhone(raw, 'FR')),
    async send(outgoing) {
      asked += 1;
      const decided = fate(outgoing);
      switch (decided.kind) {
        case 'take': return { kind: 'accepted', providerId: take(outgoing) };
        case 'lost': take(outgoing); return { kind: 'unknown', text: 'the line broke' };
        case 'unknown': return { kind: 'unknown', text: 'the line broke' };
        case 'failed': return decided;
      }
    },
    // Like Twilio's list: by what was really taken, once it can no longer be under way.
    settle: settle ?? (async ({ outgoing: { attemptId }, quietMs }): Promise<Settlement> => {
      const index = taken.findIndex((one) => one.attemptId === attemptId);
      if (index >= 0) return { kind: 'sent', evidence: 'provider-list', providerId: `SM${index + 1}` };
      return quietMs >= 10_000 ? { kind: 'not-sent', evidence: 'provider-list' } : { kind: 'undecided', afterMs: 1000 };
    }),
  };
}
