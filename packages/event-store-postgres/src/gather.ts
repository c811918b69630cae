export interface GatherOptions<J, R> {
  /** Groups under way at once; while they are, jobs wait and the next group grows. */
  readonly lanes: number;
  /** Most weight of a group; one heavier job travels alone. */
  readonly mostWeight: number;
  /** While groups of this weight or more are under way no other starts, whatever the lanes: it would only wait behind them. Default: none. */
  readonly fullWeight?: number;
  readonly weightOf: (job: J) => number;
  /** Jobs that share a key keep their order and never travel in one group or at once. Default: none. */
  readonly keysOf?: (job: J) => readonly string[];
  /** Answers in the order of the jobs; an answer that is an `Error` rejects that job alone. */
  readonly run: (jobs: readonly J[]) => Promise<readonly (R | Error)[]>;
}

export interface Gather<J, R> {
  add(job: J): Promise<R>;
  /** Resolves when nothing is under way or waiting. */
  idle(): Promise<void>;
}

interface Waiting<J, R> {
  readonly job: J;
  readonly resolve: (answer: R) => void;
  readonly reject: (error: unknown) => void;
}

/** Gathers concurrent calls into groups: all of one turn of the event loop, and whatever comes while the lanes are busy. */
export function createGather<J, R>({ lanes, mostWeight, fullWeight = Infinity, weightOf, keysOf = () => [], run }: GatherOptions<J, R>): Gather<J, R> {
  let queue: Waiting<J, R>[] = [];
  let running = 0;
  let weightRunning = 0;
  let scheduled = false;
  const busy = new Set<string>();
  const idlers: (() => void)[] = [];

  function take(): Waiting<J, R>[] {
    const group: Waiting<J, R>[] = [];
    const left: Waiting<J, R>[] = [];
    const blocked = new Set(busy);
    let weight = 0;
    let at = 0;
    for (; at < queue.length && weight < mostWeight; at++) {
      const waiting = queue[at]!;
      const keys = keysOf(waiting.job);
      const cost = weightOf(waiting.job);
      const fits = (group.length === 0 || weight + cost <= mostWeight) && !keys.some((key) => blocked.has(key));
      for (const key of keys) blocked.add(key);
      (fits ? group : left).push(waiting);
      if (fits) weight += cost;
    }
    queue = left.length === 0 ? queue.slice(at) : left.concat(queue.slice(at));
    return group;
  }

  async function settle(group: readonly Waiting<J, R>[]): Promise<void> {
    try {
      const answers = await run(group.map(({ job }) => job));
      group.forEach(({ resolve, reject }, i) => {
        const answer = answers[i]!;
        if (answer instanceof Error) reject(answer);
        else resolve(answer);
      });
    } catch (error) {
      for (const { reject } of group) reject(error);
    }
  }

  const hasRoom = (): boolean => running < lanes && weightRunning < fullWeight;

  function pump(): void {
    scheduled = false;
    while (hasRoom() && queue.length > 0) {
      const group = take();
      if (group.length === 0) return;
      const weight = group.reduce((sum, { job }) => sum + weightOf(job), 0);
      const keys = group.flatMap(({ job }) => keysOf(job));
      for (const key of keys) busy.add(key);
      running += 1;
      weightRunning += weight;
      void settle(group).finally(() => {
        running -= 1;
        weightRunning = running === 0 ? 0 : weightRunning - weight;
        for (const key of keys) busy.delete(key);
        schedule();
        if (running === 0 && queue.length === 0) for (const resolve of idlers.splice(0)) resolve();
      });
    }
  }

  function schedule(): void {
    if (scheduled || !hasRoom() || queue.length === 0) return;
    scheduled = true;
    setImmediate(pump);
  }

  return {
    add: (job) => new Promise<R>((resolve, reject) => {
      queue.push({ job, resolve, reject });
      schedule();
    }),
    idle: () => (running === 0 && queue.length === 0 ? Promise.resolve() : new Promise<void>((resolve) => { idlers.push(resolve); })),
  };
}
