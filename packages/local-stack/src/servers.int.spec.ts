import { rmSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from '@jest/globals';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import pg from 'pg';
import { startNats } from './nats.ts';
import { createDatabase, startPostgres } from './postgres.ts';
import { makeTempDir } from './workspace.ts';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

function tempDir(): string {
  const folder = makeTempDir('spec');
  cleanUps.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

describe('the servers that jest starts for all int specs', () => {
  it('are reachable under the exported URLs', async () => {
    expect(await query(process.env.TEST_POSTGRES_URL!, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    const connection = await connect({ servers: process.env.TEST_NATS_URL! });
    const account = await (await jetstreamManager(connection)).getAccountInfo();
    expect(account.streams).toBeGreaterThanOrEqual(0);
    await connection.close();
  });
});

describe('PostgreSQL', () => {
  it('keeps what was committed over kill -9, is durable by default, and creates databases once', async () => {
    const server = await startPostgres({ dataDir: tempDir() });
    cleanUps.push(server.stop);
    const shop = await createDatabase(server.url, 'shop');
    expect(await createDatabase(server.url, 'shop')).toBe(shop);
    await query(shop, 'CREATE TABLE kept AS SELECT 42 AS answer');

    await server.kill('SIGKILL');
    await expect(query(shop, 'SELECT 1')).rejects.toThrow();
    await server.restart();

    expect(await query(shop, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
    expect(await query(shop, "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit') ORDER BY name"))
      .toEqual([{ name: 'fsync', setting: 'on' }, { name: 'synchronous_commit', setting: 'on' }]);
    expect(await query(shop, 'SHOW server_encoding')).toEqual([{ server_encoding: 'UTF8' }]);
  });

  it('is found again by a later start on the same folder, with the same password', async () => {
    const dataDir = tempDir();
    const first = await startPostgres({ dataDir, durable: false });
    cleanUps.push(first.stop);
    await createDatabase(first.url, 'again');
    await first.stop();
    const second = await startPostgres({ dataDir, durable: false });
    cleanUps.push(second.stop);
    expect(await query(second.url, "SELECT count(*)::int AS n FROM pg_database WHERE datname = 'again'")).toEqual([{ n: 1 }]);
  });
});

describe('NATS', () => {
  async function publishOne(url: string): Promise<void> {
    const connection = await connect({ servers: url });
    await (await jetstreamManager(connection)).streams.add({ name: 'KEPT', subjects: ['kept.>'] });
    await jetstream(connection).publish('kept.one', 'hello');
    await connection.close();
  }
  async function messagesHeld(url: string): Promise<number | undefined> {
    const connection = await connect({ servers: url });
    const info = await (await jetstreamManager(connection)).streams.info('KEPT').catch(() => undefined);
    await connection.close();
    return info?.state.messages;
  }

  it('keeps acknowledged messages over kill -9 and forgets them when wiped', async () => {
    const server = await startNats({ storeDir: tempDir() });
    cleanUps.push(server.stop);
    await publishOne(server.url);
    await server.kill('SIGKILL');
    await server.restart();
    expect(await messagesHeld(server.url)).toBe(1);
    await server.restart({ wipe: true });
    expect(await messagesHeld(server.url)).toBeUndefined();
  });

  it('takes users and permissions from an included file', async () => {
    const storeDir = tempDir();
    writeFileSync(`${storeDir}/users.conf`, 'authorization { users = [ { user: loan, password: $LOAN_PASSWORD, permissions: { publish: "loan.>" } } ] }\n');
    const server = await startNats({ storeDir, configFile: `${storeDir}/users.conf`, configEnv: { LOAN_PASSWORD: '1e5f2-me' } });
    cleanUps.push(server.stop);
    await expect(connect({ servers: server.url, reconnect: false })).rejects.toThrow(/authorization/i);
    const connection = await connect({ servers: server.url, user: 'loan', pass: '1e5f2-me', reconnect: false });
    connection.publish('loan.created');
    await connection.flush();
    await connection.close();
  });
});
