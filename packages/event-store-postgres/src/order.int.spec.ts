import { createHash, randomInt, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { createInMemoryEventStore, isStoreUnavailable, type Append, type Appended, type EventStore, type NewEvent } from '@rappel/event-store';
import { createDatabase, seededRandom, until } from '@rappel/local-stack';
import { createPool, type Client, type Pool } from '@rappel/postgres';
import { createPostgresEventStore, type PostgresEventStoreOptions } from './store.ts';

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => { for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp(); });

const newDatabase = (): Promise<string> => createDatabase(process.env.TEST_POSTGRES_URL!, `store_${randomUUID().slice(0, 8)}`);
function poolOf(url: string, max = 30): Pool {
  const pool = createPool(url, { max });
  cleanUps.push(() => pool.end());
  return pool;
}
function storeOf(options: PostgresEventStoreOptions): EventStore {
  const store = createPostgresEventStore(options);
  cleanUps.push(() => store.close());
  return store;
}
const event = (n = 0): NewEvent => ({ id: randomUUID(), type: 'Happened', data: { n } });

const WRITERS = 24;
/** Writers with transactions of random length, one in twenty rolled back. Returns what was committed. */
async function hammer(pool: Pool, rounds: number, write: (client: Client, key: string) => Promise<unknown>): Promise<string[]> {
  const committed: string[] = [];
  const once = async (client: Client) => {
    const key = randomUUID();
    await client.query('BEGIN');
    await write(client, key);
    await sleep(Math.random() * 3);
    const isKept = Math.random() > 0.05;
    await client.query(isKept ? 'COMMIT' : 'ROLLBACK');
    if (isKept) committed.push(key);
  };
  const ended = await Promise.allSettled(Array.from({ length: WRITERS }, async () => {
    const client = await pool.connect();
    try {
      for (let round = 0; round < rounds; round++) await once(client);
    } finally {
      await client.query('ROLLBACK');
      client.release();
    }
  }));
  for (const end of ended) if (end.status === 'rejected') throw end.reason;
  return committed;
}

/** Whole groups go by the one function, what is to be judged by the other. */
const appendBy = (name: 'write_group' | 'append_group') => (client: Client, key: string) => client.query(
  `SELECT event_store.${name}(${name === 'append_group' ? "'{0}', " : ''}ARRAY[$1::text], '{0}', ${name === 'append_group' ? "'{1}'" : "'{0}'"}, '{1}', '{1}', ARRAY[$2::uuid], '{T}', ARRAY['{}'::json], ARRAY[NULL]::json[], ARRAY[NULL]::json[], ARRAY[NULL]::timestamptz[])`,
  [`race-${key}`, key],
);

describe('reading in order while 24 transactions of random length write', () => {
  it('control: a reader that remembers the highest number it saw misses rows', async () => {
    const pool = poolOf(await newDatabase());
    await pool.query('CREATE TABLE naive (number bigserial PRIMARY KEY, key uuid NOT NULL)');
    let missed = 0;
    for (let tries = 0; missed === 0 && tries < 20; tries++) {
      const seen = new Set<string>();
      let last = '0';
      const read = async () => {
        const { rows } = await pool.query<{ number: string; key: string }>('SELECT number, key FROM naive WHERE number > $1 ORDER BY number', [last]);
        for (const row of rows) seen.add(row.key);
        last = rows.at(-1)?.number ?? last;
      };
      const writing = hammer(pool, 10, (client, key) => client.query('INSERT INTO naive (key) VALUES ($1)', [key]));
      const over = new AbortController();
      const reading = (async () => { while (!over.signal.aborted) await read(); })();
      const committed = await writing;
      over.abort();
      await reading;
      await read();
      missed = committed.filter((key) => !seen.has(key)).length;
    }
    expect(missed).toBeGreaterThan(0);
  });

  it('the store misses none, though the same transactions are held open around its appends, by either of its functions', async () => {
    const url = await newDatabase();
    const store = storeOf({ connectionString: url });
    await store.head();
    const seen: string[] = [];
    const stop = new AbortController();
    const reading = (async () => {
      for await (const batch of store.subscribe({ signal: stop.signal, batchSize: 5 })) seen.push(...batch.events.map(({ id }) => id));
    })();
    let turn = 0;
    const either = [appendBy('write_group'), appendBy('append_group')];
    const committed = await hammer(poolOf(url), 8, (client, key) => either[turn++ % 2]!(client, key));
    const wanted = (await store.readAll({ limit: 10_000 })).map(({ id }) => id);
    while (seen.length < wanted.length) await sleep(5);
    stop.abort();
    await reading;
    expect(seen).toEqual(wanted);
    expect(seen.toSorted()).toEqual(committed.toSorted());
  });

  it.each(['write_group', 'append_group'] as const)('control: without the lock the same appends by %s collide', async (name) => {
    const url = await newDatabase();
    await storeOf({ connectionString: url }).head();
    const pool = poolOf(url);
    const { rows } = await pool.query<{ code: string }>('SELECT pg_get_functiondef(oid) AS code FROM pg_proc WHERE proname = $1', [name]);
    const guard = /PERFORM pg_advisory_xact_lock\(\d+\);/;
    expect(rows[0]!.code).toMatch(guard);
    await pool.query(rows[0]!.code.replace(guard, ''));
    await expect(hammer(pool, 5, appendBy(name))).rejects.toMatchObject({ code: '23505' });
  });
});

const seed = Number(process.env.SEED ?? randomInt(2 ** 31));
const random = seededRandom(seed);

describe('groups of appends', () => {
  it(`have the outcome that the model has, whatever a group holds (SEED=${seed})`, async () => {
    const model = createInMemoryEventStore();
    const store = storeOf({ connectionString: await newDatabase(), wake: 'none' });
    await store.head();
    const seen = new Set<string>();
    for (let round = 0; round < 400; round++) {
      const group = randomGroup();
      const [answers, wanted] = await Promise.all([store, model].map((each) => Promise.allSettled(group.map((unit) => each.appendMany(unit)))));
      expect(answers!.map(outcomeOf)).toEqual(wanted!.map(outcomeOf));
      for (const answer of wanted!) seen.add(answer.status === 'fulfilled' ? (answer.value.some(({ duplicate }) => duplicate) ? 'duplicate' : 'written') : (answer.reason as { code: string }).code);
    }
    expect([...seen].toSorted()).toEqual(['duplicate', 'event-refused', 'version-conflict', 'written']);
    const written = await store.readAll({ limit: 10_000 });
    expect(written).toEqual(await model.readAll({ limit: 10_000 }));
    expect(written.length).toBeGreaterThan(500);
  });

  it('are written but for those whose stream was not new, or was appended before, when all expect a new one', async () => {
    const store = storeOf({ connectionString: await newDatabase(), wake: 'none' });
    const again = event();
    await store.append('a-3', [again], 0);
    await store.append('a-5', [event()], 0);
    const answers = await Promise.allSettled([1, 2, 3, 4, 5].map((n) => store.append(`a-${n}`, [n === 3 ? again : event(n)], 0)));
    expect(answers.map((answer) => (answer.status === 'fulfilled' ? answer.value.duplicate : (answer.reason as { code: string }).code))).toEqual([false, false, true, false, 'version-conflict']);
    expect((await store.readAll()).map(({ stream, version }) => `${stream} ${version}`)).toEqual(['a-3 1', 'a-5 1', 'a-1 1', 'a-2 1', 'a-4 1']);
  });
});

const outcomeOf = (answer: PromiseSettledResult<Appended[]>) => (answer.status === 'fulfilled'
  ? answer.value
  : { ...(answer.reason as Error), message: (answer.reason as Error).message });
const below = (n: number): number => Math.floor(random() * n);

const asked = new Map<string, NewEvent[][]>();
/** Units of one or two appends to few streams, some new, some long; some repeat what was asked for before, in whole or in part. */
function randomGroup(): Append[][] {
  const streams = new Set<string>();
  return Array.from({ length: 1 + below(4) }, () => Array.from({ length: 1 + below(2) }, (): Append | undefined => {
    const stream = `${['a', 'b-c', 'long', `new-${below(10_000)}`][below(4)]}-${below(12)}`;
    if (streams.has(stream)) return undefined;
    streams.add(stream);
    const before = asked.get(stream) ?? [];
    asked.set(stream, before);
    const again = below(6) === 0 ? before[below(before.length)] : undefined;
    const events = again ?? Array.from({ length: 1 + below(3) }, randomEvent);
    if (!again) before.push(events);
    return { stream, expected: below(3) === 0 ? below(6) : 'any', events: again && below(3) === 0 ? [...again, randomEvent()] : events };
  }).filter((append) => append !== undefined)).filter((unit) => unit.length > 0);
}

const randomEvent = (): NewEvent => ({
  ...event(below(100)), recordedAt: '2026-03-28T08:00:00.000Z',
  ...(below(2) === 0 && { metadata: { correlationId: randomUUID() } }),
  ...(below(3) === 0 && { personal: { subject: 's', sealed: 'x' } as unknown as NonNullable<NewEvent['personal']> }),
});

describe('a page of several categories', () => {
  it.each([{ backwards: false }, { backwards: true }])('reads no more events than it returns, though one has none: %j', async ({ backwards }) => {
    const pool = poolOf(await newDatabase(), 1);
    const store = storeOf({ pool, wake: 'none' });
    await Promise.all(Array.from({ length: 60 }, (_, i) => store.append(`common-${i}`, Array.from({ length: 50 }, event), 0)));
    await pool.query('ANALYZE event_store.events');
    await pool.query('BEGIN');
    const page = await store.readAll({ categories: ['common', 'rare'], limit: 20, backwards });
    const { rows } = await pool.query<{ read: number }>("SELECT (idx_tup_fetch + seq_tup_read)::int AS read FROM pg_stat_xact_user_tables WHERE schemaname = 'event_store' AND relname = 'events'");
    await pool.query('ROLLBACK');
    expect(page).toHaveLength(20);
    // And the head.
    expect(rows[0]!.read).toBeLessThanOrEqual(22);
  });
});

describe('living with the server', () => {
  it('brings the tables up to date once, however many start together', async () => {
    const url = await newDatabase();
    const stores = Array.from({ length: 8 }, () => storeOf({ connectionString: url }));
    await Promise.all(stores.map((store, i) => store.append(`s-${i}`, [event()], 0)));
    expect(await stores[0]!.readAll()).toHaveLength(8);
    const { rows } = await poolOf(url).query('SELECT id FROM event_store.migrations ORDER BY id');
    expect(rows).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }, { id: 4 }, { id: 5 }, { id: 6 }, { id: 7 }, { id: 8 }, { id: 9 }]);
  });

  it('leaves nothing in the session but statements named after their text: fit for a transaction pooler', async () => {
    const pool = poolOf(await newDatabase(), 1);
    const store = storeOf({ pool, wake: 'none' });
    const settings = async () => (await pool.query("SELECT name, setting FROM pg_settings WHERE source = 'session' ORDER BY name")).rows;
    await store.head();
    const before = await settings();
    await store.append('a-1', [event()], 0);
    await store.readStream('a-1');
    await store.readAll({ categories: ['a'] });
    const { rows: prepared } = await pool.query<{ name: string; statement: string }>('SELECT name, statement FROM pg_prepared_statements ORDER BY statement');
    expect(prepared.map(({ statement }) => /event_store\.\w+/.exec(statement)?.[0])).toEqual(['event_store.read_page', 'event_store.read_streams', 'event_store.write_group']);
    for (const { name, statement } of prepared) expect(name).toBe(`rappel_${createHash('sha256').update(statement).digest('hex').slice(0, 16)}`);
    expect(await settings()).toEqual(before);
    await store.close();
    expect((await pool.query('SELECT 1 AS still')).rows).toEqual([{ still: 1 }]);
  });

  it('goes on unprepared where somebody else threw the statements away, or prepared them before', async () => {
    const pool = poolOf(await newDatabase(), 1);
    const store = storeOf({ pool, wake: 'none' });
    await store.append('a-1', [event()], 0);
    await pool.query('DEALLOCATE ALL');
    expect((await store.append('a-1', [event()], 1)).version).toBe(2);
    await pool.query('DEALLOCATE ALL');
    expect(await store.readStream('a-1')).toHaveLength(2);
    expect((await pool.query('SELECT name FROM pg_prepared_statements')).rows).toEqual([]);
  });

  it('gives up on an append that gets no answer; the same append may be sent again', async () => {
    const url = await newDatabase();
    await storeOf({ connectionString: url }).append('a-0', [event()], 0);
    const store = storeOf({ connectionString: url, timeoutMs: 300 });
    const holder = await poolOf(url).connect();
    await holder.query('BEGIN; SELECT pg_advisory_xact_lock(7234017283807667300)');
    const late = event();
    await expect(store.append('a-1', [late], 0)).rejects.toMatchObject({ code: 'store-unavailable' });
    await holder.query('ROLLBACK');
    holder.release();
    // On a slow machine more than once.
    const taken = await until('it is taken', () => store.append('a-1', [late], 0).catch((error: unknown) => { if (!isStoreUnavailable(error)) throw error; }).then((answer) => answer ?? undefined));
    expect(taken.version).toBe(1);
    expect(await storeOf({ connectionString: url }).readStream('a-1')).toHaveLength(1);
  });

  it('refuses what the server chokes on, and only that, in a group', async () => {
    const store = storeOf({ connectionString: await newDatabase() });
    let deep: object = {};
    for (let level = 0; level < 7000; level++) deep = { in: deep };
    const answers = await Promise.allSettled([0, 1, 2].map((n) => store.append(`a-${n}`, [n === 1 ? { ...event(), data: deep } : event()], 0)));
    expect(answers.map(({ status }) => status).filter((status) => status === 'fulfilled').length).toBeGreaterThanOrEqual(2);
    for (const answer of answers) if (answer.status === 'rejected') expect(answer.reason).toMatchObject({ code: 'event-refused' });
  });

  it.each<[string, Partial<PostgresEventStoreOptions>]>([['by NOTIFY', { pollMs: 600_000 }], ['by the poll alone', { wake: 'none', pollMs: 20 }]])('hears of another process: %s', async (_, options) => {
    const url = await newDatabase();
    const [here, there] = [storeOf({ connectionString: url, ...options }), storeOf({ connectionString: url, ...options })];
    // Once it listens, one append is enough; until then news may be lost, as the port allows.
    const heard = new AbortController();
    const tell = async (): Promise<void> => {
      for (let n = 0; !heard.signal.aborted; n++) await there.append(`far-${n}`, [event()], 0).then(() => sleep(200));
    };
    let telling: Promise<void> | undefined;
    for await (const { events, caughtUp } of here.subscribe({ categories: ['far'] })) {
      if (events.length > 0) break;
      if (caughtUp) telling ??= tell();
    }
    heard.abort();
    await telling;
  });

  it('hears through a wake that it is given, and tells it', async () => {
    const url = await newDatabase();
    const listeners = new Set<(categories?: readonly string[]) => void>();
    const wake = {
      notify: (categories: readonly string[]) => { for (const listener of listeners) listener(categories); },
      onWake: (callback: (categories?: readonly string[]) => void) => { listeners.add(callback); return () => listeners.delete(callback); },
    };
    const [here, there] = [storeOf({ connectionString: url, wake, pollMs: 600_000 }), storeOf({ connectionString: url, wake, pollMs: 600_000 })];
    const after = await there.head();
    for await (const { events, caughtUp } of here.subscribe({ after })) {
      if (events.length > 0) break;
      if (caughtUp) setTimeout(() => void there.append('a-1', [event()], 0), 50);
    }
    await here.close();
    expect(listeners.size).toBe(0);
  });
});
