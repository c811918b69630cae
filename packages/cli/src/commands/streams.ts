import { jetstreamManager } from '@nats-io/jetstream';
import type { Bus } from '../context.ts';

/** One line of `status`. */
export interface Found { readonly what?: string; readonly state: string; readonly details?: string; readonly problem?: boolean }

/** Every stream and how far each of its consumers has got. */
export async function streams(bus: Bus): Promise<Found[]> {
  const manager = await jetstreamManager(bus, { checkAPI: false });
  const found: Found[] = [];
  for await (const { config, state } of manager.streams.list()) {
    found.push({ what: `stream ${config.name}`, state: `${state.messages} messages`, details: `last ${state.last_seq}` });
    for await (const consumer of manager.consumers.list(config.name)) {
      const behind = consumer.num_pending + consumer.num_ack_pending;
      found.push({ what: `  consumer ${consumer.name}`, state: behind === 0 ? 'caught up' : `${behind} behind`, details: `${consumer.num_pending} pending, ${consumer.num_ack_pending} in flight, ${consumer.num_redelivered} redelivered` });
    }
  }
  return found;
}
