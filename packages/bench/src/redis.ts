import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram, freePort, makeTempDir, spawnChild, stopChild, until } from '@rappel/local-stack';

const wanted = {
  packages: ['redis-server', 'redis-tools', 'libhiredis0.14', 'libjemalloc2', 'liblua5.1-0', 'liblzf1', 'lua-bitop', 'lua-cjson'],
  path: 'usr/bin/redis-server', version: /v=([\d.]+)/,
};

export interface Redis {
  readonly port: number;
  readonly pid: number;
  readonly version: string;
  stop(): Promise<void>;
}

/** Redis as BullMQ's users are told to run it: append-only file, synced every second. Rejects with what to install when there is none. */
export async function startRedis(): Promise<Redis> {
  const { command, env, version } = await findProgram(wanted).catch(missing);
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

function missing(cause: Error): never {
  throw new Error(`${cause.message}: install one (Debian/Ubuntu: apt install redis-server; macOS: brew install redis) and run again`, { cause });
}
