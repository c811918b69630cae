import { isVersionConflict } from './errors.ts';
import type { Appended, EventStore, NewEvent, RecordedEvent } from './port.ts';

/** How a stream's events fold into a state. `evolve` never throws and never judges; unknown types leave the state as it is. */
export interface Fold<S> {
  readonly initial: S;
  readonly evolve: (state: S, event: RecordedEvent) => S;
}

export interface Handled<S> {
  /** The state that was decided on, before the new events. */
  readonly state: S;
  /** Absent when the decision was that nothing happened. */
  readonly appended?: Appended;
}

const MOST_CONFLICTS = 8;

/** Folds a stream as it stands. */
export async function readState<S>(store: EventStore, fold: Fold<S>, stream: string): Promise<{ state: S; version: number }> {
  const events = await store.readStream(stream);
  return { state: events.reduce(fold.evolve, fold.initial), version: events.length };
}

/**
 * Read, decide, append at the version read. A version conflict means somebody else decided meanwhile: read and decide again,
 * at most 8 times, then the conflict is the caller's. `decide` may throw a refusal, which passes through.
 */
export async function handleCommand<S>(
  store: EventStore,
  fold: Fold<S>,
  stream: string,
  decide: (state: S) => readonly NewEvent[],
): Promise<Handled<S>> {
  for (let round = 1; ; round++) {
    const { state, version } = await readState(store, fold, stream);
    const events = decide(state);
    if (events.length === 0) return { state };
    try {
      return { state, appended: await store.append(stream, events, version) };
    } catch (error) {
      if (!isVersionConflict(error) || round === MOST_CONFLICTS) throw error;
    }
  }
}
