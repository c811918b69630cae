import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram, freePort, makeTempDir, spawnChild, stopChild, until } from '@rappel/local-stack';
import pg from 'pg';

const wanted = { packages: ['pgbouncer', 'libevent-2.1-7', 'libc-ares2'], path: 'usr/sbin/pgbouncer', version: /PgBouncer ([\d.]+)/ };

export interface PgBouncer {
  readonly version: string;
  /** The same database, through it. */
  readonly url: string;
  stop(): Promise<void>;
}

/** PgBouncer in transaction mode with two connections to the server, its own settings otherwise. Rejects with why it cannot be had. */
export async function startPgBouncer(databaseUrl: string): Promise<PgBouncer> {
  const { command, env, version } = await findProgram(wanted);
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
