import { randomUUID } from 'node:crypto';
import { expect, it } from '@jest/globals';
import { createInMemoryEventStore, isVersionConflict, type EventStore } from '@rappel/event-store';
import { createPostgresEventStore } from './store.ts';

const event = (n: number) => ({ id: randomUUID(), type: 'Happened', data: { n } });
async function smoke(store: EventStore) {
  const one = event(1);
  expect(await store.append('loan-1', [one, event(2)], 0)).toMatchObject({ version: 2, duplicate: false });
  await expect(store.append('loan-1', [event(1)], 0)).rejects.toMatchObject({ code: 'version-conflict', actual: 2 });
  expect(await store.append('loan-1', [one], 'any')).toMatchObject({ version: 1, duplicate: true });
  await expect(store.append('loan-1', [one, event(3)], 'any')).rejects.toMatchObject({ code: 'event-refused' });
  const answers = await Promise.allSettled(Array.from({ length: 50 }, (_, i) => store.append(`n-${i % 40}`, [event(i)], 0)));
  expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(40);
  expect(answers.filter((a) => a.status === 'rejected' && isVersionConflict(a.reason))).toHaveLength(10);
  expect((await store.readStream('loan-1')).map(({ version, data }) => [version, data])).toEqual([[1, { n: 1 }], [2, { n: 2 }]]);
  expect((await store.readStream('loan-1', { backwards: true, limit: 1 })).map(({ version }) => version)).toEqual([2]);
  const all = await store.readAll({ categories: ['n', 'loan'] });
  expect(all).toHaveLength(42);
  expect(all.at(-1)!.checkpoint).toBe(await store.head());
  const seen: string[] = [];
  const abort = new AbortController();
  for await (const batch of store.subscribe({ batchSize: 7, signal: abort.signal })) {
    seen.push(...batch.events.map(({ id }) => id));
    if (seen.length === 42 && batch.caughtUp) void store.append('late-1', [event(1)], 0);
    if (seen.length === 43) abort.abort();
  }
  expect(seen).toHaveLength(43);
  await store.close();
}
it('memory', () => smoke(createInMemoryEventStore()));
it('postgres', () => smoke(createPostgresEventStore({ connectionString: process.env.TEST_POSTGRES_URL! })));
