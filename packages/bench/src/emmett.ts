import type { PostgresEventStore } from '@event-driven-io/emmett-postgresql';
import { peer } from './peer.ts';

interface Written { readonly type: string; readonly data: object; readonly metadata?: object | undefined }

/** Emmett's event store on the same PostgreSQL server. */
export interface Emmett {
  append(stream: string, events: readonly Written[]): Promise<void>;
  /** Its consumer from the first event on; resolves with events a second once `count` were handed over. */
  consume(count: number): Promise<number>;
  close(): Promise<void>;
}

export async function openEmmett(url: string): Promise<Emmett> {
  const { getPostgreSQLEventStore } = peer<typeof import('@event-driven-io/emmett-postgresql')>('@event-driven-io/emmett-postgresql');
  const store: PostgresEventStore = getPostgreSQLEventStore(url);
  await store.schema.migrate();
  return {
    append: async (stream, events) => { await store.appendToStream(stream, events.map(({ type, data, metadata }) => ({ type, data, metadata })) as never); },
    async consume(count) {
      // A store of its own: closing a consumer closes the connections of its store.
      const consumer = getPostgreSQLEventStore(url).consumer({ pulling: { batchSize: 1000 } });
      let read = 0;
      const started = performance.now();
      const perSecond = new Promise<number>((resolve) => {
        consumer.reactor({
          processorId: `bench-${started}`, startFrom: 'BEGINNING',
          eachMessage: () => {
            if (++read === count) resolve(count / ((performance.now() - started) / 1000));
          },
        } as never);
      });
      let closing = false;
      // Rejects when it is closed in the middle of a poll.
      const running = consumer.start().catch((error: unknown) => { if (!closing) throw error; });
      const result = await Promise.race([perSecond, running.then(() => { throw new Error('the consumer stopped early'); })]);
      closing = true;
      await consumer.close();
      return result;
    },
    close: () => store.close(),
  };
}
