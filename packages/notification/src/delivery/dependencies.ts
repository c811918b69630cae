import type { Channel, Clock } from '@rappel/contracts';
import type { EventStore, Personal } from '@rappel/event-store';
import type { RetryPolicy } from '../backoff.ts';
import type { ChannelConfig } from '../channel-policy.ts';
import type { Gate } from '../gate.ts';
import type { Provider } from '../provider.ts';
import type { WaitingList } from '../waiting.ts';
import type { House } from './message.ts';

export interface DeliveryConfig {
  readonly retry: RetryPolicy;
  readonly channels: ChannelConfig;
  /** Real milliseconds that a worker has for an attempt; well above the send's time-out. Default 60 s. */
  readonly leaseMs: number;
  /** Real milliseconds that a message waits inside its handler for leave to send before it is put among the waiting. Default 250. */
  readonly patienceMs: number;
  /** Business seconds after which a receipt that did not come is marked. Default 24 h. */
  readonly receiptSeconds: number;
  readonly house: House;
}

export const defaultDeliveryConfig: Omit<DeliveryConfig, 'retry' | 'channels'> = { leaseMs: 60_000, patienceMs: 250, receiptSeconds: 86_400, house: {} };

/** What happened, for logs and metrics. Never holds an address or a name. */
export interface DeliveryNote {
  readonly what: 'sent' | 'failed' | 'unknown' | 'given-up' | 'skipped' | 'deferred' | 'settled' | 'unlisted-code';
  readonly notificationId: string;
  readonly type?: string;
  readonly detail?: string;
}

/** What delivering needs from outside. One set per channel and process. */
export interface DeliveryDependencies {
  readonly channel: Channel;
  /** Seals personal fields on append. */
  readonly store: EventStore;
  readonly open: (personal: Personal) => Promise<Personal>;
  readonly provider: Provider;
  readonly waiting: WaitingList;
  readonly gate: Gate;
  /** Business time. */
  readonly clock: Clock;
  /** Real time, UTC ISO. */
  readonly realNow: () => string;
  /** Real pause, for trying an append again. */
  readonly sleep: (ms: number) => Promise<void>;
  readonly newId: () => string;
  readonly config: DeliveryConfig;
  readonly note: (note: DeliveryNote) => void;
}
