import { Id, type Channel } from '@rappel/contracts';
import { derivedIds, type Fold, type NewEvent } from '@rappel/event-store';
import type { AttributionEvent, BorrowerEvent } from '@rappel/lending';
import { z } from 'zod';

/** Where a command came from. The same `id` again changes nothing: event ids are derived from it. */
export interface Cause {
  /** UUID. */
  readonly id: string;
  readonly correlationId: string;
  readonly traceparent?: string;
  readonly actor?: string;
}

/**
 * What is answered once the event store has it: `version` of the stream afterwards; `duplicate` when this command had been
 * stored before or changed nothing.
 */
export const StoredAnswer = z.object({ id: Id, version: z.int(), duplicate: z.boolean() });
export type Stored = z.infer<typeof StoredAnswer>;

const eventId = derivedIds('6f1d6b5e-8a0c-4d0e-9a2f-3b1f0a0f7c11');
/** After so many version conflicts in a row the caller is told to try again. */
export const MOST_CONFLICTS = 8;

/** Events made ready for the store: id, cause, conversation and, where known, the only channels to tell them on. */
export function stamp(cause: Cause, events: readonly (AttributionEvent | BorrowerEvent)[], channels?: readonly Channel[]): NewEvent[] {
  return events.map((event, index) => ({
    id: eventId(`${cause.id}:${event.type}:${index}`),
    metadata: {
      correlationId: cause.correlationId,
      causationId: cause.id,
      ...(cause.traceparent && { traceparent: cause.traceparent }),
      ...(channels && { channels }),
      ...(cause.actor && { actor: cause.actor }),
    },
    ...event,
  }));
}

/** An event and the id of the command that led to it. */
export interface Told {
  readonly cause: string | undefined;
  readonly type: string;
  readonly data: object;
}

/** A state and what was told by which command, so that one sent again is known whatever came in between. */
export interface Caused<S> {
  readonly state: S;
  readonly told: readonly Told[];
}

export const toldBy = ({ told }: Pick<Caused<unknown>, 'told'>, { id }: Cause): Told | undefined => told.find(({ cause }) => cause === id);

export function withCauses<S>({ initial, evolve }: Fold<S>): Fold<Caused<S>> {
  return {
    initial: { state: initial, told: [] },
    evolve: ({ state, told }, event) => ({ state: evolve(state, event), told: [...told, { cause: event.metadata.causationId, type: event.type, data: event.data }] }),
  };
}
