import { randomUUID } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { EventStore, NewEvent } from '@rappel/event-store';
import { makeTempDir, until } from '@rappel/local-stack';
import { createAuthority } from '@rappel/tls/testing';
import { createKurrentEventStore } from '../src/index.ts';
import { createCluster, startTestServer, type Failure, type TestServer } from './server.ts';

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

  it.each(['?manyStreams=in-turn&tls=false', '?tls=false&manyStreams=in-turn'])('takes them in turn when the URL says so: %s', async (query) => {
    const store = createKurrentEventStore({ connectionString: server.connectionString.replace(/\?.*/, query) });
    stores.push(store);
    const appends = ['g', 'h'].map((category) => ({ stream: `${category}-${randomUUID()}`, events: [event()], expected: 0 }));
    expect((await store.appendMany(appends)).map(({ version }) => version)).toEqual([1, 1]);
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

describe('a server that fails', () => {
  let server: TestServer;
  let store: EventStore;
  beforeAll(async () => {
    server = await startTestServer();
    store = createKurrentEventStore({ connectionString: server.connectionString, timeoutMs: 1500 });
    await store.head();
  });
  afterAll(async () => {
    await store.close();
    server.stop();
  });
  const once = (stream: string, given: NewEvent) => store.append(stream, [given], 0);

  it.each<Failure>(['unavailable', 'deadline exceeded', 'silence', 'answer lost'])('%s: the append says "not now"; sent again it is there once', async (how) => {
    const [stream, given] = [`a-${randomUUID()}`, event()];
    server.fail('append', how, 1);
    await expect(once(stream, given)).rejects.toMatchObject({ code: 'store-unavailable' });
    expect(await once(stream, given)).toMatchObject({ version: 1, duplicate: how === 'answer lost' });
    expect(await store.readStream(stream)).toHaveLength(1);
  });

  it.each<Failure>(['unavailable', 'deadline exceeded', 'silence'])('%s: the read says "not now"', async (how) => {
    server.fail('read', how, 1);
    await expect(store.readStream('a-1')).rejects.toMatchObject({ code: 'store-unavailable' });
    expect(await store.readStream('a-1')).toEqual([]);
  });

  it('follows a leader that is being elected, and gives up on one that never is', async () => {
    server.fail('append', 'not leader', 2);
    expect((await once(`a-${randomUUID()}`, event())).version).toBe(1);
    server.fail('append', 'not leader', 50);
    await expect(once(`a-${randomUUID()}`, event())).rejects.toMatchObject({ code: 'store-unavailable' });
  });

  it('keeps a subscription alive through refusals', async () => {
    const other = await startTestServer();
    const steady = createKurrentEventStore({ connectionString: other.connectionString });
    await steady.append('s-1', [event()], 0);
    other.fail('read', 'unavailable', 3);
    for await (const { events } of steady.subscribe()) if (events.length > 0) break;
    await steady.close();
    other.stop();
  });
});

describe('a cluster with TLS', () => {
  const folder = makeTempDir('kurrentdb-tls');
  const cleanUps: (() => unknown)[] = [];
  afterEach(async () => { for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp(); });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  async function certificates(): Promise<{ cert: Buffer; key: Buffer; ca: string }> {
    const { ca, issue } = await createAuthority(folder);
    const { cert, key } = await issue('node');
    return { cert: readFileSync(cert), key: readFileSync(key), ca };
  }

  it('finds the leader, follows it when it changes and when it dies, and loses nothing', async () => {
    const tls = await certificates();
    const cluster = createCluster();
    const nodes = [await startTestServer({ cluster, tls }), await startTestServer({ cluster, tls }), await startTestServer({ cluster, tls })];
    cleanUps.push(() => { for (const node of nodes) node.stop(); });
    const hosts = nodes.map(({ port }) => `127.0.0.1:${port}`).join(',');
    const connectionString = `kurrentdb://admin:changeit@${hosts}?tls=true&tlsCaFile=${tls.ca}`;
    const store = createKurrentEventStore({ connectionString, timeoutMs: 5000 });
    cleanUps.push(() => store.close());
    const stop = new AbortController();
    const seen: string[] = [];
    const reading = (async () => {
      for await (const { events } of store.subscribe({ signal: stop.signal })) seen.push(...events.map(({ id }) => id));
    })();
    const sent: string[] = [];
    const append = async () => {
      const given = event();
      // As every caller does: again with the same id until there is an answer.
      await until('an append', async () => (await store.append('a-1', [given], sent.length).catch((error: { code?: string }) => { if (error.code !== 'store-unavailable') throw error; return undefined; })) && true);
      sent.push(given.id);
    };
    await append();
    cluster.leader = nodes[1]!.port;
    await append();
    await append();
    nodes[1]!.stop();
    cluster.leader = nodes[2]!.port;
    await append();
    expect((await store.readStream('a-1')).map(({ id }) => id)).toEqual(sent);
    await until('the subscription', async () => (seen.length >= sent.length ? true : undefined));
    stop.abort();
    await reading;
    expect(seen).toEqual(sent);
  });

  it('does not trust a stranger', async () => {
    const tls = await certificates();
    const server = await startTestServer({ tls });
    cleanUps.push(() => server.stop());
    const store = createKurrentEventStore({ connectionString: server.connectionString, timeoutMs: 2000 });
    cleanUps.push(() => store.close());
    await expect(store.append('a-1', [event()], 0)).rejects.toMatchObject({ code: 'store-unavailable' });
    expect(server.log.entries).toEqual([]);
  });
});
