import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createDatabase, makeTempDir, startPostgres, until, type PostgresServer } from '@rappel/local-stack';
import { createPool } from '@rappel/postgres';
import { lineSettings, tlsTrouble } from '@rappel/tls';
import { createAuthority, type Authority } from '@rappel/tls/testing';
import { createPostgresEventStore } from '../src/index.ts';

const folder = makeTempDir('postgres-tls');
let authority: Authority;
let server: PostgresServer;
let database: string;

beforeAll(async () => {
  authority = await createAuthority(`${folder}/authority`);
  server = await startPostgres({ dataDir: `${folder}/postgres`, durable: false, tls: await authority.issue('postgres', { names: [] }) });
  database = await createDatabase(server.url, 'encrypted');
});
afterAll(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

it('appends, is woken and follows over TLS, also after the server was restarted', async () => {
  const url = `${database}?sslmode=verify-full&sslrootcert=${authority.ca}`;
  // Nobody looks by themselves: news come by LISTEN alone.
  const stores = [createPostgresEventStore({ connectionString: url, pollMs: 600_000 }), createPostgresEventStore({ connectionString: url, pollMs: 600_000 })] as const;
  const stop = new AbortController();
  const seen: string[] = [];
  const reading = (async () => {
    for await (const { events } of stores[0].subscribe({ signal: stop.signal })) seen.push(...events.map(({ id }) => id));
  })();
  const pool = createPool(url, { max: 1, name: 'watcher' });
  const appended: string[] = [];
  try {
    for (const round of ['before', 'after']) {
      const id = randomUUID();
      await until('an append', async () => stores[1].append(`thing-${round}`, [{ id, type: 'Happened', data: {} }], 'any').catch(() => undefined));
      appended.push(id);
      await until(`what was appended ${round} the restart`, async () => (seen.length === appended.length ? true : undefined));
      const sessions = await pool.query<{ ssl: boolean; listens: boolean }>("SELECT ssl, query LIKE 'LISTEN%' AS listens FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE datname = 'encrypted' AND backend_type = 'client backend'");
      expect(sessions.rows.filter(({ ssl }) => !ssl)).toEqual([]);
      expect(sessions.rows.filter(({ listens }) => listens)).not.toEqual([]);
      if (round === 'before') await server.restart();
    }
    expect(seen).toEqual(appended);
  } finally {
    stop.abort();
    await reading;
    await Promise.all([pool.end(), ...stores.map((store) => store.close())]);
  }
});

it.each([
  ['another authority', async () => `${database}?sslmode=verify-full&sslrootcert=${(await createAuthority(`${folder}/strange`)).ca}`, /sslrootcert=FILE/],
  ['no authority', async () => `${database}?sslmode=verify-full`, /sslrootcert=FILE/],
  ['a name that the certificate is not for', async () => `${database.replace('127.0.0.1', 'localhost')}?sslmode=verify-full&sslrootcert=${authority.ca}`, /use one that it is for in DATABASE_URL/],
  ['a server without TLS', async () => `${process.env['TEST_POSTGRES_URL']}?sslmode=verify-full`, /leave sslmode out of DATABASE_URL/],
])('refused, with what to do: %s', async (_, url, text) => {
  const pool = createPool(await url(), { max: 1 });
  const error: unknown = await pool.query('SELECT 1').catch((refused: unknown) => refused);
  await pool.end();
  expect(tlsTrouble(error, lineSettings.postgres)?.text).toMatch(text);
});
