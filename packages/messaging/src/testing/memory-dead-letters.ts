import type { DeadLetter, DeadLetterSink } from '../port.ts';

/** Dead letters and counted tries in memory, for tests. */
export function createMemoryDeadLetters(): DeadLetterSink & { readonly letters: Map<string, DeadLetter> } {
  const letters = new Map<string, DeadLetter>();
  const tries = new Map<string, number>();
  return {
    letters,
    store: async (letter) => { letters.set(letter.id, letter); },
    countTry: async (id) => {
      tries.set(id, (tries.get(id) ?? 0) + 1);
      return tries.get(id)!;
    },
    endTry: async (id, over) => {
      if (over) tries.delete(id);
      else tries.set(id, (tries.get(id) ?? 0) - 1);
    },
  };
}
