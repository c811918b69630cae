import { renameSync, writeFileSync } from 'node:fs';

/** The demonstration's hand on the clock that all services read from one file. */
export interface Steering {
  /** What the clock shows now, UTC ISO. */
  now(): string;
  /** Lets it run `factor` times as fast as real time. */
  run(factor: number): void;
  /** Holds it where it is. */
  hold(): void;
  readonly held: boolean;
}

/** Writes the clock file at `path`, held at `origin`. */
export function createSteering(path: string, origin: string): Steering {
  let shown = Date.parse(origin);
  let anchor = Date.now();
  let factor = 0;
  const now = () => shown + (Date.now() - anchor) * factor;
  const turn = (to: number) => {
    shown = now();
    anchor = Date.now();
    factor = to;
    // By rename, so that no service reads half a file.
    writeFileSync(`${path}.next`, JSON.stringify({ origin: new Date(shown).toISOString(), anchor: new Date(anchor).toISOString(), factor }));
    renameSync(`${path}.next`, path);
  };
  turn(0);
  return {
    now: () => new Date(now()).toISOString(),
    run: (to) => { if (factor !== to) turn(to); },
    hold: () => { if (factor !== 0) turn(0); },
    get held() { return factor === 0; },
  };
}
