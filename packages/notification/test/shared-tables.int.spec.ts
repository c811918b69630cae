import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createPostgresEventStore } from '@rappel/event-store-postgres';
import { createDatabase, until } from '@rappel/local-stack';
import { createPool, type Pool } from '@rappel/postgres';
import { createGate, createPostgresWaiting, defaultDeliveryConfig, deliver, migrateDelivery, workOnce, type DeliveryDependencies } from '../src/index.ts';
import { createLimiter } from '../src/limiter.ts';
import { createFakeProvider, createScene } from '../src/testing/index.ts';

let url: string;
let pool: Pool;
beforeAll(async () => {
  url = await createDatabase(process.env.TEST_POSTGRES_URL!, `delivery_${randomUUID().slice(0, 8)}`);
  pool = createPool(url);
  await migrateDelivery(pool);
});
afterAll(() => pool?.end());

const id = (): string => randomUUID();
const now = (): string => new Date().toISOString();

describe('the waiting in PostgreSQL', () => {
  it('gives what is due to one worker each, most urgent first, and keeps the rest', async () => {
    const waiting = createPostgresWaiting(pool, 'EMAIL');
    const [creation, final, later, frozen] = [id(), id(), id(), id()];
    await waiting.put({ notificationId: creation, priority: 3, reason: 'rate' });
    await waiting.put({ notificationId: final, priority: 0, reason: 'rate' });
    await waiting.put({ notificationId: later, priority: 0, reason: 'retry', notBefore: '2999-01-01T00:00:00.000Z' });
    await waiting.put({ notificationId: frozen, priority: 0, reason: 'lease', notBeforeReal: '2999-01-01T00:00:00.000Z' });
    expect(await createPostgresWaiting(pool, 'WHATSAPP').claim({ limit: 10, leaseMs: 1000, now: now() })).toEqual([]);
    // Who gets which is their luck.
    const claims = (await Promise.all([1, 2, 3].map(() => waiting.claim({ limit: 2, leaseMs: 60_000, now: now() })))).flat().toSorted((a, b) => a.priority - b.priority);
    expect(claims.map(({ notificationId }) => notificationId)).toEqual([final, creation]);
    expect(await waiting.counts()).toEqual({ rate: 2, retry: 1, lease: 1 });

    await waiting.finish(claims[0]!);
    await waiting.put({ notificationId: creation, priority: 1, reason: 'replay' });
    await waiting.finish(claims[1]!);
    const urgent = id();
    await waiting.put({ notificationId: urgent, priority: 0, reason: 'rate' });
    const ordered = await waiting.claim({ limit: 9, leaseMs: 0, now: now() });
    expect(ordered).toMatchObject([{ notificationId: urgent }, { notificationId: creation, reason: 'replay' }]);
    await waiting.finish(ordered[0]!);
    await waiting.put({ notificationId: final, priority: 0, reason: 'paused' });
    expect(await waiting.claim({ limit: 1, leaseMs: 60_000, now: now(), inTurn: true })).toMatchObject([{ notificationId: creation }]);
    expect(await waiting.claim({ limit: 1, leaseMs: 60_000, now: now(), inTurn: true })).toMatchObject([{ notificationId: final }]);
    expect((await waiting.claim({ limit: 9, leaseMs: 1000, now: '2999-01-02T00:00:00.000Z' })).map(({ notificationId }) => notificationId)).toContain(later);
  });
});

describe('limits shared by instances', () => {
  it('hold for both together, second by second', async () => {
    const sender = id();
    const instances = [1, 2].map(() => createLimiter({ pool, sender, perSecond: 20 }));
    const taken: number[] = [];
    const begin = Date.now();
    await Promise.all(instances.flatMap((limiter) => Array.from({ length: 30 }, async () => {
      expect(await limiter.take(30_000)).toEqual({ ok: true });
      taken.push(Date.now() - begin);
    })));
    expect(taken).toHaveLength(60);
    // 60 at 20 a second need at least three windows: the last one comes after two whole seconds.
    expect(Math.max(...taken)).toBeGreaterThanOrEqual(1990);
  });

  it('defer over the day’s allowance, exactly', async () => {
    const sender = id();
    const instances = [1, 2].map(() => createLimiter({ pool, sender, perDay: 5 }));
    const answers = await Promise.all(Array.from({ length: 12 }, (_, index) => instances[index % 2]!.take(0)));
    expect(answers.filter(({ ok }) => ok)).toHaveLength(5);
    expect(answers.find(({ ok }) => !ok)).toMatchObject({ reason: 'daily-limit' });
  });
});

const AT_ONCE = 2;

describe.each(['WHATSAPP', 'EMAIL'] as const)('two instances of %s on the same messages, over a limit', (channel) => {
  it('tell everybody once, the urgent first', async () => {
    const store = await createPostgresEventStore({ connectionString: url });
    const sentAt: number[] = [];
    const provider = createFakeProvider({ channel, fate: () => { sentAt.push(Date.now()); return { kind: 'take' }; } });
    const sender = id();
    const instances = [1, 2].map((): DeliveryDependencies => ({
      channel, store, provider, waiting: createPostgresWaiting(pool, channel),
      gate: createGate({ store, channel, limiter: createLimiter({ pool, sender, perSecond: 10 }), realNow: now, newId: id }),
      clock: { now, realMsUntil: () => 0 }, realNow: now, newId: id, sleep: async () => undefined, open: async (personal) => personal, note: () => undefined,
      config: { ...defaultDeliveryConfig, patienceMs: 0, retry: { attempts: 3, delays: [1] }, channels: { preferred: channel } },
    }));
    const scene = createScene({ store, now });
    await scene.borrower({ borrowerId: 'jean', phone: '0612345678', email: 'jean@example.org' });
    const messages = [];
    for (let loan = 0; loan < 20; loan++) messages.push(await scene.lend(`${channel}-${loan}`, 'jean', { code: `C${loan}` }));
    await Promise.all(messages.flatMap((message) => instances.map((deps) => deliver(deps, message))));
    await deliver(instances[0]!, await scene.late(`${channel}-0`));
    const before = provider.taken.length;
    await until('all are told', async () => {
      await Promise.all(instances.map((deps) => workOnce(deps, { concurrency: AT_ONCE })));
      return provider.taken.length >= 21 || undefined;
    });
    // 21 at ten a second, whichever instance sends: a fixed window never has more than ten, so the last one is in the third.
    expect(sentAt.at(-1)! - sentAt[0]!).toBeGreaterThanOrEqual(1000);
    const types = provider.taken.map(({ type }) => type);
    expect(types.filter((type) => type === 'CREATION')).toHaveLength(20);
    // Once it waits it is among the next that both claim, who go side by side. The window may end on them, but the next one has a place for each.
    expect(types.indexOf('RETARD')).toBeLessThanOrEqual(before + 2 * (2 * AT_ONCE - 1));
    expect(new Set(provider.taken.map(({ notificationId }) => notificationId)).size).toBe(21);
    await store.close();
  });
});
