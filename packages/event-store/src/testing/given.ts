import { expect } from '@jest/globals';
import type { Fold } from '../handle-command.ts';
import { categoryOf, type RecordedEvent } from '../port.ts';

interface Fact {
  readonly type: string;
  readonly data: object;
}

/**
 * Given / when / then for a decider: `given(loanFold, created).when((loan) => decide(command, loan)).yields(returned)`
 * or `.refused('unknown-attribution')`.
 */
export function given<S>(fold: Fold<S>, ...history: readonly Fact[]) {
  const state = history.map(recorded).reduce(fold.evolve, fold.initial);
  return {
    state,
    when: <E extends Fact>(decide: (state: S) => readonly E[]) => {
      let events: readonly E[] | undefined;
      let refusal: unknown;
      try {
        events = decide(state);
      } catch (error) {
        refusal = error;
      }
      return {
        /** Exactly these events came, in this order; none: nothing happened. */
        yields: (...expected: readonly E[]) => {
          if (refusal) throw refusal;
          expect(events).toEqual(expected);
        },
        /** A refusal with this code was thrown. */
        refused: (code: string) => expect(refusal).toMatchObject({ code }),
      };
    },
  };
}

const recorded = ({ type, data }: Fact, index: number): RecordedEvent => ({
  id: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
  type, data,
  metadata: {},
  stream: `${categoryOf('given')}-1`,
  version: index + 1,
  checkpoint: String(index + 1).padStart(20, '0'),
  recordedAt: '2026-01-01T00:00:00.000Z',
});
