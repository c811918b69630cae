import { setTimeout as sleep } from 'node:timers/promises';

/** Collects calls made while earlier ones are under way and does them together. */
export interface Gatherer<T> {
  /** Resolves when a round that held it is done; rejects when that round failed or refused it. */
  add(item: T): Promise<void>;
  /** When everything added so far is done. Never rejects. */
  idle(): Promise<void>;
}

interface Waiting<T> {
  readonly item: T;
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

function settle<T>(round: readonly Waiting<T>[], refused: ReadonlyMap<T, unknown>): void {
  for (const { item, done, failed } of round) {
    if (refused.has(item)) failed(refused.get(item)); else done();
  }
}

/**
 * @param work resolves to the items that it refuses, each with its reason; a rejection is the answer to all of them
 * @param most items of one round
 * @param lanes rounds under way at once: one is made ready while the other is being stored
 * @param restMs real milliseconds after a round in which what comes is gathered for the next; the first after a pause goes at once
 */
export function createGatherer<T>(work: (items: readonly T[]) => Promise<ReadonlyMap<T, unknown>>, { most = 1000, lanes = 2, restMs = 0 } = {}): Gatherer<T> {
  let waiting: Waiting<T>[] = [];
  let running = 0;
  let idlers: (() => void)[] = [];

  async function run(): Promise<void> {
    running += 1;
    // One turn of the loop lets the messages that arrived together join the first round.
    await new Promise((resolve) => { setImmediate(resolve); });
    while (waiting.length > 0) {
      const round = waiting.slice(0, most);
      waiting = waiting.slice(most);
      try {
        const refused = await work(round.map(({ item }) => item));
        settle(round, refused);
      } catch (error) {
        for (const { failed } of round) failed(error);
      }
      if (restMs > 0 && waiting.length < most) await sleep(restMs);
    }
    running -= 1;
    if (running > 0) return;
    for (const idle of idlers) idle();
    idlers = [];
  }

  return {
    add: (item) => new Promise((resolve, reject) => {
      waiting.push({ item, done: resolve, failed: reject });
      if (running === 0 || (running < lanes && waiting.length >= most)) void run();
    }),
    idle: () => (running === 0 ? Promise.resolve() : new Promise((resolve) => { idlers.push(resolve); })),
  };
}
