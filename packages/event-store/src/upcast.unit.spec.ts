import { randomUUID } from 'node:crypto';
import { expect, it } from '@jest/globals';
import { createInMemoryEventStore } from './memory.ts';
import { upcasting } from './upcast.ts';

it('reads an old event in its present shape, everywhere, and leaves what is stored', async () => {
  const beneath = createInMemoryEventStore();
  // Before version 2 the due date had no zone.
  const store = upcasting(beneath, {
    Rescheduled: (event) => (event.metadata.schemaVersion ? event : { ...event, data: { ...event.data, zone: 'Europe/Paris' }, metadata: { ...event.metadata, schemaVersion: 2 } }),
  });
  await store.append('loan-1', [
    { id: randomUUID(), type: 'Rescheduled', data: { due: '2026-03-28' } },
    { id: randomUUID(), type: 'Rescheduled', data: { due: '2026-03-29', zone: 'Asia/Tokyo' }, metadata: { schemaVersion: 2 } },
    { id: randomUUID(), type: 'toString', data: {} },
  ], 0);
  const present = [{ due: '2026-03-28', zone: 'Europe/Paris' }, { due: '2026-03-29', zone: 'Asia/Tokyo' }, {}];
  expect((await store.readStream('loan-1')).map(({ data }) => data)).toEqual(present);
  expect((await store.readAll()).map(({ data }) => data)).toEqual(present);
  for await (const { events } of store.subscribe()) {
    expect(events.map(({ data }) => data)).toEqual(present);
    break;
  }
  expect((await beneath.readStream('loan-1'))[0]!.data).toEqual({ due: '2026-03-28' });
  expect((await store.readStream('loan-1'))[0]!.metadata.schemaVersion).toBe(2);
});
