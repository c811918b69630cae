import { StoreUnavailable, type EventStore } from '@rappel/event-store';
import type { Provider } from '../../src/provider.ts';
import type { WaitingList } from '../../src/waiting.ts';

/** A seeded source of chance (mulberry32). */
export function createChance(seed: number) {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  return {
    below: (count: number): number => Math.floor(next() * count),
    happens: (probability: number): boolean => next() < probability,
    pick: <T>(items: readonly T[]): T => items[Math.floor(next() * items.length)]!,
  };
}
export type Chance = ReturnType<typeof createChance>;

interface Point { readonly process: number; readonly life: number; readonly go: () => void }

/**
 * Processes whose every await on a port stops at a point: whoever drives decides which goes on next, so all interleavings can
 * happen, and a crash leaves a process's points where they are for ever.
 */
export function createProcesses(count: number) {
  const lives = Array.from({ length: count }, () => 0);
  let points: Point[] = [];
  const stop = (process: number): Promise<void> => {
    const life = lives[process]!;
    return new Promise((go) => { points.push({ process, life, go }); });
  };
  return {
    count,
    life: (process: number): number => lives[process]!,
    stop,
    waiting: (): number => points.length,
    /** Lets one of those that wait go on. */
    async release(chance: Chance): Promise<void> {
      const [point] = points.splice(chance.below(points.length), 1);
      point!.go();
      await new Promise((resolve) => { setImmediate(resolve); });
    },
    /** Kills a process: what it was about to do never happens. */
    crash(process: number): void {
      lives[process]! += 1;
      points = points.filter((point) => point.process !== process);
    },
  };
}
export type Processes = ReturnType<typeof createProcesses>;

interface Breaking { readonly processes: Processes; readonly process: number; readonly chance: Chance; readonly troubled: () => boolean }

/** One process's view of the store: each call stops before and after, and now and then nobody knows whether it happened. */
export function storeOf(store: EventStore, { processes, process, chance, troubled }: Breaking): EventStore {
  const around = async <T>(work: () => Promise<T>): Promise<T> => {
    await processes.stop(process);
    if (troubled() && chance.happens(0.01)) throw new StoreUnavailable('simulated: not reached');
    const result = await work();
    await processes.stop(process);
    if (troubled() && chance.happens(0.01)) throw new StoreUnavailable('simulated: answer lost');
    return result;
  };
  return {
    ...store,
    append: (...call) => around(() => store.append(...call)),
    appendMany: (appends) => around(() => store.appendMany(appends)),
    readStream: (...call) => around(() => store.readStream(...call)),
  };
}

export function waitingOf(waiting: WaitingList, { processes, process }: Breaking): WaitingList {
  const around = async <T>(work: () => Promise<T>): Promise<T> => {
    await processes.stop(process);
    const result = await work();
    await processes.stop(process);
    return result;
  };
  return {
    put: (row) => around(() => waiting.put(row)),
    claim: (options) => around(() => waiting.claim(options)),
    finish: (claim, next) => around(() => waiting.finish(claim, next)),
    counts: () => waiting.counts(),
  };
}

/** The provider behind a line that may be slow: over its time-out nothing is sent any more, and the caller cannot know. */
export function providerOf(provider: Provider, { processes, process }: Breaking, realNow: () => string): Provider {
  return {
    ...provider,
    async send(outgoing, sendBefore) {
      const deadline = Date.parse(realNow()) + provider.sendTimeoutMs;
      await processes.stop(process);
      if (Date.parse(realNow()) > deadline) return { kind: 'unknown', text: 'timed out' };
      const result = await provider.send(outgoing, sendBefore);
      await processes.stop(process);
      return result;
    },
    async settle(attempt) {
      await processes.stop(process);
      return provider.settle(attempt);
    },
  };
}
