import { randomUUID } from 'node:crypto';
import { expect, it } from '@jest/globals';
import type { NewEvent } from '@rappel/event-store';
import { createDatabase, until } from '@rappel/local-stack';
import { createPool } from '@rappel/postgres';
import { createPostgresEventStore } from '../src/index.ts';
import { startPgBouncer } from './pgbouncer.ts';

const event = (n: number): NewEvent => ({ id: randomUUID(), type: 'Happened', data: { n } });

it('works through PgBouncer in transaction mode: migrations, racing appends, reads, subscriptions between two stores', async () => {
  const database = await createDatabase(process.env.TEST_POSTGRES_URL!, `pooled_${randomUUID().slice(0, 8)}`);
  const bouncer = await startPgBouncer(database).catch((error: Error) => error);
  if (bouncer instanceof Error) {
    process.stderr.write(`skipped: PostgreSQL through PgBouncer: ${bouncer.message}\n`);
    return;
  }
  // More clients than connections to the server, so that every statement meets another session.
  const stores = Array.from({ length: 4 }, () => createPostgresEventStore({ connectionString: bouncer.url, pollMs: 20 }));
  const stop = new AbortController();
  const seen: string[] = [];
  const reading = (async () => {
    for await (const { events } of stores[0]!.subscribe({ signal: stop.signal, categories: ['a'], batchSize: 10 })) seen.push(...events.map(({ id }) => id));
  })();
  await Promise.all(stores.map(async (store, s) => {
    for (let n = 0; n < 30; n++) {
      await Promise.all([0, 1, 2].map((k) => store.append(`a-${s}-${k}`, [event(n)], n)));
      expect(await store.readStream(`a-${s}-0`, { backwards: true, limit: 1 })).toMatchObject([{ version: n + 1, data: { n } }]);
    }
  }));
  const racers = await Promise.allSettled(Array.from({ length: 20 }, (_, n) => stores[n % 4]!.append('a-race', [event(n)], 0)));
  expect(racers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  const all = await stores[1]!.readAll({ categories: ['a'] });
  expect(all).toHaveLength(4 * 3 * 30 + 1);
  await until('the subscription', async () => (seen.length >= all.length ? true : undefined));
  stop.abort();
  await reading;
  expect(seen).toEqual(all.map(({ id }) => id));

  // What one client leaves in a session another one would meet.
  const direct = createPool(database, { max: 1 });
  const { rows } = await direct.query("SELECT count(*)::int AS locks FROM pg_locks l JOIN pg_database d ON d.oid = l.database WHERE l.locktype = 'advisory' AND d.datname = current_database()");
  expect(rows).toEqual([{ locks: 0 }]);
  await direct.end();
  await Promise.all(stores.map((store) => store.close()));
  await bouncer.stop();
}, 300_000);
