import { categoryOf, requireName, StoreUnavailable, subscribeByPages, type EventStore, type StreamMetadata } from '@rappel/event-store';
import { createPool, migrate, type Pool } from '@rappel/postgres';
import { createAppender } from './append.ts';
import { createRun, type Run } from './connection.ts';
import { migrations, SCHEMA } from './migrations.ts';
import { createNotifyWake } from './notify.ts';
import { createStreamReader, readHead, readPage } from './read.ts';
import { createTail, type Wake } from './tail.ts';

export interface PostgresEventStoreOptions {
  /** `postgres://…`. Give this or `pool`. The store then has a pool of its own, of at most `maxConnections`. */
  readonly connectionString?: string;
  /** Somebody else's pool: `close` leaves it open. */
  readonly pool?: Pool;
  /** Connections of the own pool. Default 8. */
  readonly maxConnections?: number;
  /** How other processes hear of appends. Default: NOTIFY outside the appends' transactions. `none`: the poll alone. */
  readonly wake?: Wake | 'none';
  /** How often subscriptions that have caught up look for what no wake told them, in ms. Default 250. */
  readonly pollMs?: number;
  /** Longest wait for an answer, in ms; then the connection is dropped and the call rejects with `StoreUnavailable`. Default 15,000. */
  readonly timeoutMs?: number;
  /** Groups of appends under way at once. Default 2: one runs while the next is gathered and sent; large groups run alone. */
  readonly lanes?: number;
}

/**
 * The event store on PostgreSQL (schema `event_store`). Connects on first use and brings its tables up to date then.
 * Every call is one autocommit statement: works through a transaction pooler.
 */
export function createPostgresEventStore(options: PostgresEventStoreOptions): EventStore {
  const own = options.pool ? undefined : createPool(required(options.connectionString), { max: options.maxConnections ?? 8, name: 'rappel-event-store', idleInTransactionMs: 0 });
  const pool = options.pool ?? own!;
  const wake = options.wake === 'none' ? undefined : options.wake ?? createNotifyWake(pool);
  const run = afterMigrations(pool, createRun(pool, options.timeoutMs ?? 15_000));
  const tail = createTail({ readHead: () => readHead(run), wake, pollMs: options.pollMs ?? 250 });
  const appender = createAppender(run, {
    lanes: options.lanes ?? 2,
    onWritten: (units) => {
      const categories = [...new Set(units.flat().map(({ stream }) => categoryOf(stream)))];
      tail.news(categories);
      wake?.notify(categories);
    },
  });
  const reader = createStreamReader(run);
  let closing: Promise<void> | undefined;
  const open = () => { if (closing) throw new StoreUnavailable('the event store is closed'); };

  async function close(): Promise<void> {
    tail.close();
    await Promise.all([appender.idle(), reader.idle()]);
    await own?.end();
  }

  return {
    append: async (stream, events, expected) => { open(); return (await appender.append([{ stream, events, expected }]))[0]!; },
    appendMany: async (appends) => { open(); return appender.append(appends); },
    readStream: async (stream, wanted) => { open(); return reader.add({ stream, ...wanted }); },
    readAll: async (wanted = {}) => { open(); return (await readPage(run, wanted)).events; },
    subscribe: (wanted = {}) => subscribeByPages({ ...tail, isClosed: () => closing !== undefined, readPage: (page) => readPage(run, page) }, wanted),
    head: async () => { open(); return readHead(run); },
    readStreamMetadata: async (stream) => {
      const [row] = await run('SELECT metadata FROM event_store.stream_metadata WHERE stream = $1', [stream]);
      return row && JSON.parse(row[0]!) as StreamMetadata;
    },
    writeStreamMetadata: async (stream, metadata) => {
      requireName('stream', stream);
      await run(
        'INSERT INTO event_store.stream_metadata (stream, metadata) VALUES ($1, $2) ON CONFLICT (stream) DO UPDATE SET metadata = excluded.metadata',
        [stream, JSON.stringify(metadata)],
      );
    },
    close: () => (closing ??= close()),
  };
}

function required(connectionString: string | undefined): string {
  if (!connectionString) throw new Error('createPostgresEventStore needs a connectionString or a pool');
  return connectionString;
}

/** The first call brings the schema up to date; a failed attempt is tried again by the next call. */
function afterMigrations(pool: Pool, run: Run): Run {
  let ready: Promise<void> | undefined;
  const prepare = async () => {
    const [there] = await run("SELECT to_regclass('event_store.migrations')", []);
    const [known] = there![0] === null ? [] : await run('SELECT count(*), max(id) FROM event_store.migrations', []);
    // An up-to-date schema needs no right to create anything.
    if (known && Number(known[0]) === migrations.length && Number(known[1]) === migrations.at(-1)!.id) return;
    await migrate(pool, SCHEMA, migrations);
  };
  return async (text, values, how) => {
    ready ??= prepare();
    await ready.catch((error: unknown) => { ready = undefined; throw error; });
    return run(text, values, how);
  };
}
