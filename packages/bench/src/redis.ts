import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort, inRappelDir, makeTempDir, spawnChild, stopChild, unpackDebian, until } from '@rappel/local-stack';

const run = promisify(execFile);
// Redis and those of its libraries that a small system lacks.
const packages = ['redis-server', 'redis-tools', 'libhiredis0.14', 'libjemalloc2', 'liblua5.1-0', 'liblzf1', 'lua-bitop', 'lua-cjson'];

export interface Redis {
  readonly port: number;
  readonly pid: number;
  readonly version: string;
  stop(): Promise<void>;
}

interface Binary { readonly command: string; readonly env: NodeJS.ProcessEnv; readonly version: string }

/** Redis as BullMQ's users are told to run it: append-only file, synced every second. Rejects with what to install when there is none. */
export async function startRedis(): Promise<Redis> {
  const { command, env, version } = await findRedis();
  const dir = makeTempDir('redis');
  const port = await freePort();
  const child = spawnChild({
    command, env, logFile: join(dir, 'redis.log'),
    args: ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--appendonly', 'yes', '--appendfsync', 'everysec', '--save', '', '--maxmemory-policy', 'noeviction'],
  });
  const log = () => (existsSync(join(dir, 'redis.log')) ? readFileSync(join(dir, 'redis.log'), 'utf8') : '');
  await until('redis-server', async () => (log().includes('Ready to accept connections') ? true : undefined), { gaveUp: () => (child.running() ? undefined : log().slice(-300)) });
  return {
    port, version, pid: child.pid,
    stop: async () => {
      await stopChild(child, 'SIGTERM');
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function findRedis(): Promise<Binary> {
  const kept = inRappelDir('tools', 'redis');
  const found = await usable('redis-server', process.env) ?? await usable(join(kept, 'usr/bin/redis-server'), withLibraries(kept));
  if (found) return found;
  const work = makeTempDir('redis-fetch');
  try {
    const suite = /^VERSION_CODENAME=(\w+)$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'bookworm';
    const unpacked = await unpackDebian(work, { suite, packages });
    rmSync(kept, { recursive: true, force: true });
    mkdirSync(join(kept, '..'), { recursive: true });
    renameSync(unpacked, kept);
  } catch (error) {
    const { stderr, message } = error as { stderr?: string; message: string };
    throw new Error(`no redis-server: install one (Debian/Ubuntu: apt install redis-server; macOS: brew install redis) and run again [${(stderr?.trim() || message).split('\n')[0]}]`, { cause: error });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  const fetched = await usable(join(kept, 'usr/bin/redis-server'), withLibraries(kept));
  if (!fetched) throw new Error('no redis-server: the one of Debian does not run here; install one and run again');
  return fetched;
}

const withLibraries = (root: string): NodeJS.ProcessEnv => ({
  ...process.env,
  LD_LIBRARY_PATH: ['x86_64', 'aarch64'].map((arch) => join(root, `usr/lib/${arch}-linux-gnu`)).join(':'),
});

async function usable(command: string, env: NodeJS.ProcessEnv): Promise<Binary | undefined> {
  const { stdout } = await run(command, ['--version'], { env }).catch(() => ({ stdout: '' }));
  const version = /v=([\d.]+)/.exec(stdout)?.[1];
  return version ? { command, env, version } : undefined;
}
