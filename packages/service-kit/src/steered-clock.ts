import { readFileSync } from 'node:fs';
import type { Clock } from '@rappel/contracts';

/** What a clock file holds: the clock showed `origin` at the real moment `anchor` and runs `factor` times as fast; 0 holds it. */
export interface ClockFile {
  readonly origin: string;
  readonly anchor: string;
  readonly factor: number;
}

const REREAD_MS = 5;
/** Longest sleep before looking again, as the file may change at any moment. */
const LOOK_AGAIN_MS = 20;

/**
 * A clock that a file steers and several processes share: whoever writes the file (by rename, so that nobody reads half)
 * speeds it up or holds it. For demonstrations; production refuses it. Rejects at start when the file is missing or unusable;
 * afterwards keeps the last reading that could be used.
 */
export function steeredClock(path: string): Clock {
  let file = read(path);
  let readAt = Date.now();
  const now = (): number => {
    if (Date.now() - readAt >= REREAD_MS) {
      readAt = Date.now();
      try { file = read(path); } catch { /* keep the last reading */ }
    }
    return Date.parse(file.origin) + Math.max(0, Date.now() - Date.parse(file.anchor)) * file.factor;
  };
  return {
    now: () => new Date(now()).toISOString(),
    realMsUntil: (at) => {
      const ahead = Date.parse(at) - now();
      return ahead <= 0 ? ahead : Math.min(LOOK_AGAIN_MS, file.factor === 0 ? LOOK_AGAIN_MS : ahead / file.factor);
    },
  };
}

function read(path: string): ClockFile {
  const { origin, anchor, factor } = JSON.parse(readFileSync(path, 'utf8')) as ClockFile;
  if (Number.isNaN(Date.parse(origin)) || Number.isNaN(Date.parse(anchor)) || !(factor >= 0)) throw new Error(`clock file ${path}: origin, anchor and factor expected`);
  return { origin, anchor, factor };
}
