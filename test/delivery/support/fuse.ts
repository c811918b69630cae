import type { EventStore } from '@rappel/event-store';
import type { Provider, WaitingList } from '@rappel/notification';

/** Where a life may end: `before …` or `after …` something it does. */
export type Point = `${'before' | 'after'} ${string}`;

/** Ends a life at a point: the call that reaches it, and every later one, never comes back. */
export interface Fuse {
  readonly blown: Promise<void>;
  isBlown(): boolean;
  at(point: Point): Promise<void>;
  around<T>(name: string, work: () => Promise<T>): Promise<T>;
}

export function createFuse(end?: Point): Fuse {
  let isBlown = false;
  let blow = (): void => undefined;
  const blown = new Promise<void>((resolve) => { blow = resolve; });
  const at = (point: Point): Promise<void> => {
    if (point === end && !isBlown) {
      isBlown = true;
      blow();
    }
    return isBlown ? new Promise<never>(() => undefined) : Promise.resolve();
  };
  return {
    blown, at,
    isBlown: () => isBlown,
    async around(name, work) {
      await at(`before ${name}`);
      const result = await work();
      await at(`after ${name}`);
      return result;
    },
  };
}

/** An append is called by the last event that it stores. */
export const fusedStore = (store: EventStore, { around }: Fuse): EventStore => ({
  ...store,
  append: (stream, events, expected) => around(`append ${events.at(-1)!.type}`, () => store.append(stream, events, expected)),
  appendMany: (appends) => around(`append ${appends.at(-1)!.events.at(-1)!.type}`, () => store.appendMany(appends)),
});

/** What is put is called by its reason, what is put for a crash to be found by `reminder` as well. */
export const fusedWaiting = (waiting: WaitingList, { around, at }: Fuse): WaitingList => ({
  put: (row) => around(row.reason === 'replay' && row.notBeforeReal ? 'put reminder' : `put ${row.reason}`, () => waiting.put(row)),
  claim: async (options) => {
    const claims = await waiting.claim(options);
    if (claims.length > 0) await at('after claim');
    return claims;
  },
  finish: (claim, next) => around('finish', () => waiting.finish(claim, next)),
  counts: () => waiting.counts(),
});

export const fusedProvider = (provider: Provider, { around }: Fuse): Provider => ({
  ...provider,
  send: (...call) => around('send', () => provider.send(...call)),
  settle: (attempt) => around('look for evidence', () => provider.settle(attempt)),
});
