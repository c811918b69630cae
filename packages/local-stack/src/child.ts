import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Writable } from 'node:stream';

export interface ChildOptions {
  command: string;
  args?: string[];
  /** The whole environment of the child; default: this process's own. */
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** stdout and stderr are appended here, without passing through this process. Default: discarded. */
  logFile?: string;
  /** Numeric user and group to become; only root may ask. */
  uid?: number;
  gid?: number;
}

export interface Child {
  readonly pid: number;
  /** Resolves once the process is gone, never rejects. */
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null; error?: Error }>;
  running(): boolean;
  /** Sends a signal if the process still runs. */
  signal(signal: NodeJS.Signals): void;
}

/**
 * Starts a process in its own session (a Ctrl-C in the terminal reaches only us, who then stop children in order)
 * that dies when this process dies, however it dies.
 */
export function spawnChild(options: ChildOptions): Child {
  const out = options.logFile ? openLog(options.logFile) : 'ignore';
  const child = spawn(options.command, options.args ?? [], {
    cwd: options.cwd, env: options.env ?? process.env, uid: options.uid, gid: options.gid,
    detached: true, stdio: ['ignore', out, out],
  });
  if (typeof out === 'number') closeSync(out);
  const exited = new Promise<Awaited<Child['exited']>>((resolve) => {
    child.once('error', (error) => resolve({ code: null, signal: null, error }));
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  const running = () => child.pid !== undefined && child.exitCode === null && child.signalCode === null;
  if (child.pid !== undefined) guard(child, child.pid);
  return {
    pid: child.pid ?? 0,
    exited,
    running,
    signal: (signal) => { if (running()) child.kill(signal); },
  };
}

/** Signals the child and waits for its end; after `patienceMs` (default 15 s) it is killed. */
export async function stopChild(child: Child, signal: NodeJS.Signals, patienceMs = 15_000): Promise<void> {
  if (!child.running()) return;
  child.signal('SIGCONT');
  child.signal(signal);
  const timer = setTimeout(() => child.signal('SIGKILL'), patienceMs);
  await child.exited;
  clearTimeout(timer);
}

/** What a tester does to a process: a fatal signal resolves once it is gone, SIGSTOP and SIGCONT at once. */
export async function strike(child: Child, signal: NodeJS.Signals): Promise<void> {
  child.signal(signal);
  if (signal !== 'SIGSTOP' && signal !== 'SIGCONT') await child.exited;
}

function openLog(file: string): number {
  mkdirSync(dirname(file), { recursive: true });
  return openSync(file, 'a');
}

// A shell outside our session holds the other end of a pipe: when we die, even by SIGKILL, it reads the end of the
// pipe and kills what we left behind. PR_SET_PDEATHSIG would do the same on Linux only.
const guardScript = `
pids=
while read -r sign pid; do
  if [ "$sign" = + ]; then pids="$pids $pid"; else
    kept=; for p in $pids; do [ "$p" = "$pid" ] || kept="$kept $p"; done; pids=$kept
  fi
done
[ -n "$pids" ] || exit 0
kill -INT $pids 2>/dev/null; sleep 1; kill -KILL $pids 2>/dev/null; exit 0`;
let guardPipe: Writable | undefined;

function guard(child: ChildProcess, pid: number): void {
  guardPipe ??= startGuard();
  guardPipe.write(`+ ${pid}\n`);
  child.once('exit', () => guardPipe?.write(`- ${pid}\n`));
}

function startGuard(): Writable {
  const shell = spawn('/bin/sh', ['-c', guardScript], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  shell.unref();
  shell.once('error', () => undefined);
  shell.stdin.on('error', () => undefined);
  // The pipe must not keep a finished process alive.
  (shell.stdin as unknown as { unref?: () => void }).unref?.();
  return shell.stdin;
}
