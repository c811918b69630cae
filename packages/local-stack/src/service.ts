import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { spawnChild, stopChild, strike, type Child } from './child.ts';
import { freePort, until } from './port.ts';
import { workspaceRoot } from './workspace.ts';

export interface ServiceOptions {
  /** The file to run. Default `dist/<name>.mjs`. */
  bundle?: string;
  /** Over the stack's environment. */
  env?: Record<string, string>;
  /** Default: a free one, kept over restarts. */
  port?: number;
  /** Tells several instances of one service apart in log files. Default 1. */
  instance?: number;
  /** Milliseconds to become ready; default 30,000. */
  patienceMs?: number;
}

export interface Service {
  readonly name: string;
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  readonly logFile: string;
  running(): boolean;
  /** Orderly end with SIGTERM, SIGKILL after 20 s. Idempotent. */
  stop(): Promise<void>;
  /** Default SIGKILL. A fatal signal resolves once the process is gone, SIGSTOP and SIGCONT at once. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Ends it in order if it runs, starts it on the same port, waits until it is ready. */
  restart(env?: Record<string, string>): Promise<void>;
}

/** True when `name` has been built. */
export function isBuilt(name: string): boolean {
  return existsSync(bundleOf(name));
}

/** Runs `dist/<name>.mjs` and waits for `/health/ready`; rejects with the end of its log when it cannot start. */
export async function startServiceProcess(name: string, stackEnv: Record<string, string>, options: ServiceOptions & { logDir: string; gaveUp?: () => string | undefined }): Promise<Service> {
  const { instance = 1, bundle = bundleOf(name) } = options;
  if (!existsSync(bundle)) throw new Error(`${bundle} is missing: run "node scripts/build.mjs"`);
  const port = options.port ?? await freePort();
  const url = `http://127.0.0.1:${port}`;
  const logFile = join(options.logDir, `${instance === 1 ? name : `${name}-${instance}`}.log`);
  const launch = async (extra: Record<string, string> = {}): Promise<Child> => {
    const env = { ...LEAN, ...inherited(), PUBLIC_URL: url, ...stackEnv, ...options.env, ...extra, PORT: String(port) };
    const started = spawnChild({ command: process.execPath, args: [bundle], cwd: workspaceRoot, env, logFile });
    const readiness = createReadiness(url);
    try {
      await until(name, readiness.check, {
        patienceMs: options.patienceMs,
        tooLate: () => `not ready in time: ${readiness.last()}`,
        gaveUp: () => (started.running() ? options.gaveUp?.() : `it ended at once, see ${logFile}:\n${lastLines(logFile)}`),
      });
    } catch (error) {
      await strike(started, 'SIGKILL');
      throw error;
    }
    return started;
  };
  let child = await launch();
  const stop = () => stopChild(child, 'SIGTERM', 20_000);
  return {
    name, url, port, logFile, stop,
    get pid() { return child.pid; },
    running: () => child.running(),
    kill: (signal = 'SIGKILL') => strike(child, signal),
    restart: async (env) => { await stop(); child = await launch(env); },
  };
}

// As the image does, for memory: five processes run side by side.
const LEAN = { MALLOC_ARENA_MAX: '2' };

const bundleOf = (name: string): string => join(workspaceRoot, 'dist', `${name}.mjs`);

/** Asks for readiness; `last` remembers what the service said was missing. */
function createReadiness(url: string): { check(): Promise<true | undefined>; last(): string } {
  let last = 'it did not answer';
  const check = async () => {
    try {
      const response = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(2000) });
      last = await response.text();
      return response.ok || undefined;
    } catch {
      return undefined;
    }
  };
  return { check, last: () => last };
}

// What a test runner sets for itself is not for the services.
function inherited(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _options, JEST_WORKER_ID: _worker, ...env } = process.env;
  return env;
}

function lastLines(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n').slice(-25).join('\n') : '';
}
