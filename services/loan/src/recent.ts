const MOST_REMEMBERED = 10_000;
/** Ids of what was done a moment ago in this process. */
export interface Recent {
  add(id: string): void;
  has(id: string): boolean;
  /** Forgets it; whether it was there. */
  take(id: string): boolean;
}

/**
 * The latest ten thousand ids and up to as many before: forgotten ones cost a look into the store, no more. All of a set are forgotten at
 * once: to look for the oldest one in a set from which many were taken costs several microseconds.
 */
export function createRecent(): Recent {
  let before = new Set<string>();
  let latest = new Set<string>();
  return {
    has: (id) => latest.has(id) || before.has(id),
    take: (id) => latest.delete(id) || before.delete(id),
    add: (id) => {
      if (latest.size >= MOST_REMEMBERED) [before, latest] = [latest, new Set()];
      latest.add(id);
    },
  };
}
