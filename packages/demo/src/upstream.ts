import { headers, RequestError, type NatsConnection } from '@nats-io/nats-core';
import type { Planned } from './fleet.ts';
import type { Steering } from './steering.ts';

const PATIENCE_MS = 2000;
const AT_ONCE = 32;
/** The loan service's word that its store did not answer. */
const UNAVAILABLE = 503;

export interface Upstream {
  /** Events answered by the loan service so far. */
  readonly published: number;
  /** Those whose moment has come but that are not answered yet. */
  readonly owed: number;
  /** Business time of the next event; undefined when all are out. */
  readonly next: string | undefined;
  readonly refusals: readonly string[];
  /** Publishes whatever is due by the clock; resolves when it is answered. */
  publishDue(): Promise<void>;
}

/**
 * Plays the lending system: publishes each planned event as a CloudEvent when its time has come, with a plain NATS request.
 * The loan service answers once its store has it; without an answer the same event (same id) is simply sent again.
 */
export function createUpstream(bus: NatsConnection, plan: readonly Planned[], clock: Steering): Upstream {
  const waiting = [...plan].sort((a, b) => a.at.localeCompare(b.at));
  const refusals: string[] = [];
  let published = 0;
  let owed = 0;

  const drain = async (due: Planned[]): Promise<void> => {
    for (let event = due.shift(); event; event = due.shift()) {
      const refusal = await publishUntilAnswered(bus, event);
      if (refusal !== undefined) refusals.push(`${event.id}: ${refusal}`);
      published++;
      owed--;
    }
  };

  return {
    get published() { return published; },
    get owed() { return owed; },
    get next() { return waiting[0]?.at; },
    refusals,
    async publishDue() {
      const now = clock.now();
      const rest = waiting.findIndex(({ at }) => at > now);
      const due = waiting.splice(0, rest === -1 ? waiting.length : rest);
      owed += due.length;
      await Promise.all(Array.from({ length: Math.min(AT_ONCE, due.length) }, () => drain(due)));
    },
  };
}

/** Publishes one event until the loan service says that it is stored (undefined) or why it never will be. */
export async function publishUntilAnswered(bus: NatsConnection, event: Planned): Promise<string | undefined> {
  for (;;) {
    try {
      const answer = await bus.request(`inbound.${event.type}`, JSON.stringify(event.data), { headers: cloudEvent(event), timeout: PATIENCE_MS });
      const { error } = answer.json<{ error?: { code: number; message: string } }>();
      if (error?.code !== UNAVAILABLE) return error?.message;
    } catch (error) {
      // Nobody there or no answer in time: the services may be restarting.
      if (!(error instanceof RequestError || (error as Error).name === 'TimeoutError')) throw error;
      await new Promise((resolve) => { setTimeout(resolve, 100); });
    }
  }
}

function cloudEvent({ id, type, at, data }: Planned) {
  const h = headers();
  h.set('ce-specversion', '1.0');
  h.set('ce-id', id);
  h.set('ce-source', '/demo/upstream');
  h.set('ce-type', type);
  h.set('ce-subject', (data as { attributionId: string }).attributionId);
  h.set('ce-time', at);
  return h;
}
