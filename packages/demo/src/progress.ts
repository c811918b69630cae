import { SingleBar } from 'cli-progress';

export interface Progress {
  /** Business time now, and what holds the clock. */
  update(now: string, busy: string): void;
  /** A line above the bar. */
  say(line: string): void;
  /** The end: whatever is said after it is not heard. */
  stop(): void;
}

/** How often a pipe is told how far it is. */
const QUIET_LINE_MS = 5000;

/** A bar over business time on a terminal; in a pipe a line now and then. */
export function createProgress(from: string, to: string): Progress {
  const start = Date.parse(from);
  const hours = (at: string) => Math.min(Math.round((Date.parse(at) - start) / 3_600_000), Math.round((Date.parse(to) - start) / 3_600_000));
  const bar = process.stderr.isTTY
    ? new SingleBar({ format: '{bar} {now}  {busy}', barsize: 30, barCompleteChar: '█', barIncompleteChar: '░', hideCursor: true, clearOnComplete: true, fps: 10, linewrap: false })
    : undefined;
  bar?.start(hours(to), 0, { now: from.slice(0, 16), busy: '' });
  let said = Date.now();
  const line = (now: string, busy: string): void => {
    if (Date.now() - said < QUIET_LINE_MS) return;
    said = Date.now();
    process.stderr.write(`${now.slice(0, 16).replace('T', ' ')}  ${busy}\n`);
  };
  let stopped = false;
  return {
    update: (now, busy) => {
      if (stopped) return;
      if (bar) bar.update(hours(now), { now: now.slice(0, 16).replace('T', ' '), busy });
      else line(now, busy);
    },
    say: (text) => { if (!stopped) process.stderr.write(bar ? `\r\u001b[K${text}\n` : `${text}\n`); },
    stop: () => {
      stopped = true;
      bar?.stop();
    },
  };
}
