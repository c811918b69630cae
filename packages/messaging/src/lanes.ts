/** Something to work on. Tasks of one key run one after the other, in the order they came; without a key they run freely. */
export interface Task {
  readonly key: string | undefined;
}

export interface Lanes<T extends Task> {
  push(task: T): void;
  /** Tasks being run now. */
  running(): number;
  /** Tasks taken in and not finished: running, parked and waiting. */
  size(): number;
  /** Stops starting tasks and returns every task that is not running: those waiting and those parked. */
  stop(): T[];
  /** Resolves when nothing runs. */
  idle(): Promise<void>;
}

export interface LaneOptions<T extends Task> {
  readonly concurrency: number;
  readonly run: (task: T) => Promise<number | undefined>;
  /** Calls after so many milliseconds unless the returned function is called before. Default: real time. */
  readonly after?: (ms: number, call: () => void) => () => void;
}

const realTimer = (ms: number, call: () => void): (() => void) => {
  const timer = setTimeout(call, ms);
  return () => clearTimeout(timer);
};

/**
 * Runs at most `concurrency` tasks at once, one per key. `run` resolves to milliseconds after which to run the same task again,
 * its key blocked and its place free meanwhile, or to nothing when it is finished. It must not reject.
 */
export function createLanes<T extends Task>({ concurrency, run, after = realTimer }: LaneOptions<T>): Lanes<T> {
  const ready: T[] = [];
  const behind = new Map<string, T[]>();
  const parked = new Map<T, () => void>();
  let waiting = 0;
  let running = 0;
  let stopped = false;
  let whenIdle: (() => void)[] = [];

  const next = () => (!stopped && running < concurrency ? ready.shift() : undefined);
  const pump = () => {
    for (let task = next(); task; task = next()) {
      running++;
      const started = task;
      void run(started).then((again) => settle(started, again));
    }
  };
  const settle = (task: T, again: number | undefined) => {
    running--;
    if (again === undefined) free(task);
    else if (!stopped) parked.set(task, after(again, () => { parked.delete(task); ready.push(task); pump(); }));
    if (running === 0) for (const resolve of whenIdle.splice(0)) resolve();
    pump();
  };
  const free = ({ key }: T) => {
    const follower = key === undefined ? undefined : behind.get(key)?.shift();
    if (follower) {
      waiting--;
      ready.push(follower);
    } else if (key !== undefined) behind.delete(key);
  };

  return {
    push: (task) => {
      const line = task.key === undefined ? undefined : behind.get(task.key);
      if (line) {
        waiting++;
        line.push(task);
        return;
      }
      if (task.key !== undefined) behind.set(task.key, []);
      ready.push(task);
      pump();
    },
    running: () => running,
    size: () => running + ready.length + parked.size + waiting,
    stop: () => {
      stopped = true;
      const left = [...parked.keys(), ...ready.splice(0), ...[...behind.values()].flatMap((line) => line.splice(0))];
      for (const cancel of parked.values()) cancel();
      parked.clear();
      waiting = 0;
      return left;
    },
    idle: () => (running === 0 ? Promise.resolve() : new Promise((resolve) => { whenIdle.push(resolve); })),
  };
}
