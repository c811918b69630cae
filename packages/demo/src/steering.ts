import { renameSync, writeFileSync } from 'node:fs';

/** The demonstration's hand on the clock that all services read from one file. */
export interface Steering {
  /** What the clock shows, UTC ISO. It stands still between two steps. */
  now(): string;
  /** Moves it on by so many business milliseconds. */
  step(milliseconds: number): void;
}

/** Writes the clock file at `path`, standing at `origin`. */
export function createSteering(path: string, origin: string): Steering {
  let shown = Date.parse(origin);
  const now = () => new Date(shown).toISOString();
  const write = () => {
    // By rename, so that no service reads half a file.
    writeFileSync(`${path}.next`, JSON.stringify({ origin: now(), anchor: new Date().toISOString(), factor: 0 }));
    renameSync(`${path}.next`, path);
  };
  write();
  return {
    now,
    step: (milliseconds) => {
      shown += milliseconds;
      write();
    },
  };
}
