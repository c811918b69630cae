import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort, inRappelDir, makeTempDir, spawnChild, stopChild, unpackDebian, until } from '@rappel/local-stack';
import pg from 'pg';

const run = promisify(execFile);
// PgBouncer and those of its libraries that a small system lacks.
const packages = ['pgbouncer', 'libevent-2.1-7', 'libc-ares2'];

export interface PgBouncer {
  readonly version: string;
  /** The same database, through it. */
  readonly url: string;
  stop(): Promise<void>;
}

interface Binary { readonly command: string; readonly env: NodeJS.ProcessEnv; readonly version: string }

/** PgBouncer in transaction mode with two connections to the server, its own settings otherwise. Rejects with why it cannot be had. */
export async function startPgBouncer(databaseUrl: string): Promise<PgBouncer> {
  const { command, env, version } = await findPgBouncer();
  const { hostname, port: serverPort, username, password, pathname } = new URL(databaseUrl);
  const folder = makeTempDir('pgbouncer');
  const port = await freePort();
  const [settings, users] = [join(folder, 'pgbouncer.ini'), join(folder, 'users.txt')];
  writeFileSync(users, `"${username}" "${decodeURIComponent(password)}"\n`);
  writeFileSync(settings, [
    '[databases]', `* = host=${hostname} port=${serverPort}`,
    '[pgbouncer]', 'listen_addr = 127.0.0.1', `listen_port = ${port}`, 'unix_socket_dir =', 'pool_mode = transaction', 'default_pool_size = 2', 'max_client_conn = 200',
    'auth_type = scram-sha-256', `auth_file = ${users}`, '',
  ].join('\n'));
  for (const file of [settings, users]) chmodSync(file, 0o644);
  // It refuses root.
  const asNobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
  const logFile = join(folder, 'log');
  const child = spawnChild({ command, args: [settings], env, logFile, ...asNobody });
  const url = `postgres://${username}:${password}@127.0.0.1:${port}${pathname}`;
  const answers = async () => {
    const client = new pg.Client(url);
    try {
      await client.connect();
      return true;
    } catch {
      return undefined;
    } finally {
      await client.end().catch(() => undefined);
    }
  };
  await until('PgBouncer', answers, { gaveUp: () => (child.running() ? undefined : `it ended: ${readFileSync(logFile, 'utf8').slice(-400)}`) });
  return {
    version, url,
    stop: async () => {
      await stopChild(child, 'SIGINT');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function findPgBouncer(): Promise<Binary> {
  const kept = inRappelDir('tools', 'pgbouncer');
  const found = await usable('pgbouncer', process.env) ?? await usable(join(kept, 'usr/sbin/pgbouncer'), withLibraries(kept));
  if (found) return found;
  if (!existsSync('/etc/os-release')) throw new Error('no pgbouncer in the PATH, and no Debian to take it from');
  const work = makeTempDir('pgbouncer-fetch');
  try {
    const suite = /^VERSION_CODENAME=(\w+)$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'bookworm';
    const unpacked = await unpackDebian(work, { suite, packages });
    rmSync(kept, { recursive: true, force: true });
    mkdirSync(join(kept, '..'), { recursive: true });
    renameSync(unpacked, kept);
  } catch (error) {
    const { stderr, message } = error as { stderr?: string; message: string };
    throw new Error(`no pgbouncer in the PATH, and none from Debian (${(stderr?.trim() || message).split('\n')[0]})`, { cause: error });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  const fetched = await usable(join(kept, 'usr/sbin/pgbouncer'), withLibraries(kept));
  if (!fetched) throw new Error('the pgbouncer of Debian does not run here');
  return fetched;
}

const withLibraries = (root: string): NodeJS.ProcessEnv => ({
  ...process.env,
  LD_LIBRARY_PATH: ['x86_64', 'aarch64'].map((arch) => join(root, `usr/lib/${arch}-linux-gnu`)).join(':'),
});

async function usable(command: string, env: NodeJS.ProcessEnv): Promise<Binary | undefined> {
  const { stdout } = await run(command, ['--version'], { env }).catch(() => ({ stdout: '' }));
  const version = /PgBouncer ([\d.]+)/.exec(stdout)?.[1];
  return version ? { command, env, version } : undefined;
}
