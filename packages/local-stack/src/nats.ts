import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { spawnChild, stopChild, strike, type Child } from './child.ts';
import { findNatsServer } from './nats-binary.ts';
import { freePort, greeting, until } from './port.ts';

export interface NatsOptions {
  /** Holds JetStream's files, the generated configuration and the log; made on first use. */
  storeDir: string;
  /** Default: a free one. */
  port?: number;
  /** More configuration (accounts, users, permissions), included by the generated file. Default: anybody on this machine may do all. */
  configFile?: string;
  /** Variables that `configFile` refers to as `$NAME`. Default none. */
  configEnv?: Record<string, string>;
  /** Encrypts what JetStream writes to its files; what lies there in clear is encrypted at the next start. Default: in clear. */
  storeKey?: string;
  /** Default true: every acknowledged message has been synced to the disk. False is for tests that never pull the plug. */
  durable?: boolean;
  /** Default `<storeDir>/nats.log`. */
  logFile?: string;
}

export interface NatsServer {
  /** `nats://127.0.0.1:<port>`, without credentials; stays the same over restarts. */
  readonly url: string;
  /** Monitoring pages (`/varz`, `/jsz`, `/healthz`). */
  readonly monitorUrl: string;
  readonly port: number;
  readonly pid: number;
  running(): boolean;
  /** Clean shutdown. Idempotent. */
  stop(): Promise<void>;
  /** Default SIGKILL; SIGSTOP freezes the server until SIGCONT. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Stops if needed and starts again on the same port; `wipe` deletes everything that JetStream held before, which another `storeKey` needs. */
  restart(options?: { wipe?: boolean; storeKey?: string }): Promise<void>;
}

/** Starts a real nats-server with JetStream, fetching it on first use. Accepts clients when it resolves. */
export async function startNats(options: NatsOptions): Promise<NatsServer> {
  const binary = await findNatsServer();
  const port = options.port ?? await freePort();
  const monitorPort = await freePort();
  let child = await launch(binary, options, { port, monitorPort });
  const stop = () => stopChild(child, 'SIGTERM');
  return {
    url: `nats://127.0.0.1:${port}`,
    monitorUrl: `http://127.0.0.1:${monitorPort}`,
    port, stop,
    get pid() { return child.pid; },
    running: () => child.running(),
    kill: (signal = 'SIGKILL') => strike(child, signal),
    restart: async ({ wipe = false, storeKey = options.storeKey } = {}) => {
      await stop();
      if (wipe) rmSync(join(options.storeDir, 'jetstream'), { recursive: true, force: true });
      child = await launch(binary, { ...options, ...(storeKey && { storeKey }) }, { port, monitorPort });
    },
  };
}

async function launch(binary: string, options: NatsOptions, ports: { port: number; monitorPort: number }): Promise<Child> {
  mkdirSync(options.storeDir, { recursive: true });
  const configFile = join(options.storeDir, 'nats.conf');
  const logFile = options.logFile ?? join(options.storeDir, 'nats.log');
  writeFileSync(configFile, configuration(options, ports));
  const child = spawnChild({ command: binary, args: ['-c', configFile], env: { ...process.env, ...quoted(options.configEnv) }, logFile });
  try {
    return await until('nats-server', async () => {
      const hello = await greeting(ports.port);
      return hello?.includes('"jetstream":true') ? child : undefined;
    }, { gaveUp: () => (child.running() ? undefined : `it ended at once, see ${logFile}`) });
  } catch (error) {
    child.signal('SIGKILL');
    throw error;
  }
}

// nats-server parses a variable's value like a value in its file: unquoted, a password such as 1e5f… is a broken number. A switch stays one.
function quoted(variables: Record<string, string> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, /^(?:true|false)$/.test(value) ? value : JSON.stringify(value)]));
}

function configuration({ storeDir, storeKey, configFile, durable = true }: NatsOptions, { port, monitorPort }: { port: number; monitorPort: number }): string {
  // nats-server resolves an include against the including file, even when the path is absolute.
  const include = configFile ? `include ${JSON.stringify(relative(storeDir, configFile))}\n` : '';
  return `# Generated at every start.
server_name: rappel-local
listen: "127.0.0.1:${port}"
http: "127.0.0.1:${monitorPort}"
jetstream {
  store_dir: ${JSON.stringify(storeDir)}
  sync_interval: ${durable ? 'always' : '"2m"'}
  ${storeKey ? `cipher: chachapoly\n  key: ${JSON.stringify(storeKey)}` : ''}
}
${include}`;
}
