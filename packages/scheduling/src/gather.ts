/** Collects calls made while earlier ones are under way and does them together. */
export interface Gatherer<T> {
  /** Resolves when a round that held it is done; rejects with that round's error. */
  add(item: T): Promise<void>;
  /** When everything added so far is done. Never rejects. */
  idle(): Promise<void>;
}

/** @param most items of one round */
export function createGatherer<T>(work: (items: readonly T[]) => Promise<void>, most = 500): Gatherer<T> {
  let waiting: { item: T; done: () => void; failed: (error: unknown) => void }[] = [];
  let running: Promise<void> | undefined;

  async function run(): Promise<void> {
    // One turn of the loop lets the messages that arrived together join the first round.
    await new Promise((resolve) => { setImmediate(resolve); });
    while (waiting.length > 0) {
      const round = waiting.slice(0, most);
      waiting = waiting.slice(most);
      try {
        await work(round.map(({ item }) => item));
        for (const { done } of round) done();
      } catch (error) {
        for (const { failed } of round) failed(error);
      }
    }
    running = undefined;
  }

  return {
    add: (item) => new Promise((resolve, reject) => {
      waiting.push({ item, done: resolve, failed: reject });
      running ??= run();
    }),
    idle: () => running ?? Promise.resolve(),
  };
}
