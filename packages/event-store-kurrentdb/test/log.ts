/** The log of the test server: what KurrentDB decides about an append, and nothing else. */
export interface Proposed {
  readonly id: string;
  readonly metadata: ReadonlyMap<string, string>;
  readonly custom: Uint8Array;
  readonly data: Uint8Array;
}

export interface Entry extends Proposed {
  readonly stream: string;
  readonly revision: number;
  readonly position: bigint;
  /** 100 ns since 1970. */
  readonly created: bigint;
}

/** -1: the stream must not exist. */
export type Expected = number | 'any';

export interface Write {
  readonly stream: string;
  readonly expected: Expected;
  readonly events: readonly Proposed[];
}

export type Verdict = { readonly kind: 'written'; readonly last: Entry } | { readonly kind: 'conflict'; readonly write: Write; readonly actual: number };

export interface Log {
  readonly entries: readonly Entry[];
  streamOf(name: string): readonly Entry[];
  commit(writes: readonly Write[]): Verdict[];
  /** Calls back after every commit; returns how to stop. */
  onCommit(callback: () => void): () => void;
}

export function createLog(): Log {
  const entries: Entry[] = [];
  const streams = new Map<string, Entry[]>();
  const listeners = new Set<() => void>();
  let end = 1000n;
  const streamOf = (name: string): readonly Entry[] => streams.get(name) ?? [];

  function add(stream: string, event: Proposed): Entry {
    const known = streams.get(stream) ?? [];
    streams.set(stream, known);
    const entry = { ...event, stream, revision: known.length, position: end, created: BigInt(Date.now()) * 10_000n };
    end += BigInt(100 + event.data.length + event.custom.length);
    known.push(entry);
    entries.push(entry);
    return entry;
  }

  return {
    entries, streamOf,
    commit: (writes) => {
      const judged = writes.map((write) => ({ write, verdict: judge(write, streamOf(write.stream)) }));
      const refused = judged.flatMap(({ verdict }) => (verdict?.kind === 'conflict' ? [verdict] : []));
      if (refused.length > 0) return refused;
      const verdicts = judged.map(({ write, verdict }) => verdict ?? { kind: 'written' as const, last: write.events.map((event) => add(write.stream, event)).at(-1)! });
      for (const listener of listeners) listener();
      return verdicts;
    },
    onCommit: (callback) => {
      listeners.add(callback);
      return () => listeners.delete(callback);
    },
  };
}

/** Undefined: it fits. The server looks at ids only where the version does not fit, or where none is expected. */
function judge(write: Write, known: readonly Entry[]): Verdict | undefined {
  const { expected, events } = write;
  const actual = known.length - 1;
  const conflict: Verdict = { kind: 'conflict', write, actual };
  if (expected === actual) return undefined;
  if (expected === 'any') {
    const there = events.map(({ id }) => known.find((entry) => entry.id === id));
    if (there.every((entry) => entry === undefined)) return undefined;
    return there.every((entry) => entry !== undefined) ? { kind: 'written', last: there.at(-1)! } : conflict;
  }
  if (expected > actual) return conflict;
  const there = known.slice(expected + 1, expected + 1 + events.length);
  const isSame = there.length === events.length && there.every(({ id }, i) => id === events[i]!.id);
  return isSame ? { kind: 'written', last: there.at(-1)! } : conflict;
}
