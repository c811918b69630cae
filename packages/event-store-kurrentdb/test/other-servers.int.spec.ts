import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { EventStore, NewEvent } from '@rappel/event-store';
import { createKurrentEventStore } from '../src/index.ts';
import { startTestServer, type TestServer } from './server.ts';

const event = (data: object = {}): NewEvent => ({ id: randomUUID(), type: 'Happened', data });

describe('a server without multi-stream appends', () => {
  let server: TestServer;
  const stores: EventStore[] = [];
  const storeOf = (manyStreams: 'together' | 'in turn') => {
    const store = createKurrentEventStore({ connectionString: server.connectionString, manyStreams });
    stores.push(store);
    return store;
  };
  beforeAll(async () => { server = await startTestServer({ version: '22.10.0' }); });
  afterAll(async () => {
    await Promise.all(stores.map((store) => store.close()));
    server.stop();
  });

  it('is refused by default, writing nothing', async () => {
    const store = storeOf('together');
    await expect(store.appendMany([{ stream: 'a-1', events: [event()], expected: 0 }, { stream: 'b-1', events: [event()], expected: 0 }])).rejects.toMatchObject({ code: 'event-refused' });
    expect(await store.readAll()).toEqual([]);
    expect((await store.appendMany([{ stream: 'a-1', events: [event()], expected: 0 }]))[0]!.version).toBe(1);
  });

  it('takes them in turn when asked to, and completes what was cut off', async () => {
    const store = storeOf('in turn');
    const appends = [{ stream: 'c-1', events: [event()], expected: 0 }, { stream: 'd-1', events: [event(), event()], expected: 0 }] as const;
    await store.append('c-1', appends[0].events, 0);
    expect((await store.appendMany(appends)).map(({ version, duplicate }) => [version, duplicate])).toEqual([[1, true], [2, false]]);
  });

  it('translates the refusal of an append that is too large for the server', async () => {
    const text = 'x'.repeat(600_000);
    await expect(storeOf('together').append('e-1', [event({ text }), event({ text })], 0)).rejects.toMatchObject({ code: 'event-refused' });
  });

  it('says so when nothing answers', async () => {
    const gone = await startTestServer();
    gone.stop();
    const store = createKurrentEventStore({ connectionString: gone.connectionString, timeoutMs: 3000 });
    stores.push(store);
    await expect(store.append('f-1', [event()], 0)).rejects.toMatchObject({ code: 'store-unavailable' });
    await expect(store.readStream('f-1')).rejects.toMatchObject({ code: 'store-unavailable' });
  });
});

describe('a follower', () => {
  it('sends an append to the leader, which takes it', async () => {
    const leader = await startTestServer();
    const follower = await startTestServer({ leader });
    const store = createKurrentEventStore({ connectionString: follower.connectionString });
    expect((await store.append('a-1', [event()], 0)).version).toBe(1);
    expect((await store.append('a-1', [event()], 1)).version).toBe(2);
    expect(leader.log.streamOf('a-1')).toHaveLength(2);
    await store.close();
    follower.stop();
    leader.stop();
  });
});
