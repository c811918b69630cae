import type { EventStore } from '@rappel/event-store';
import type { Pool } from '@rappel/postgres';

export interface OpenEventStoreOptions {
  /** Used instead of a pool of its own when the store is the same PostgreSQL. */
  readonly pool?: Pool;
}

interface KurrentAdapter { createKurrentEventStore(options: { connectionString: string }): EventStore | Promise<EventStore> }

/** The event store behind a URL: postgres://…, kurrentdb://… or esdb://…. Only the adapter asked for is loaded. */
export async function openEventStore(url: string, { pool }: OpenEventStoreOptions = {}): Promise<EventStore> {
  if (/^postgres(?:ql)?:\/\//.test(url)) {
    const { createPostgresEventStore } = await import('@rappel/event-store-postgres');
    return createPostgresEventStore(pool ? { pool } : { connectionString: url });
  }
  if (/^(?:kurrentdb|esdb)(?:\+discover)?:\/\//.test(url)) {
    const { createKurrentEventStore } = await import('@rappel/event-store-kurrentdb') as unknown as KurrentAdapter;
    return createKurrentEventStore({ connectionString: url });
  }
  throw new RangeError('an event store URL starts with postgres://, kurrentdb:// or esdb://');
}
