import { randomInt, randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { jetstreamManager } from '@nats-io/jetstream';
import { answer, createDeadLetters, dead, done, isDeadLetterClosed, type DeadLetter, type Message } from '../src/index.ts';
import { cleanUp, cleanUps, event, headersOf, openBus, openQueue, publishEvent, runStrategy, until } from './kit.ts';
import { createMemoryDeadLetters } from '../src/testing/index.ts';
import { openPool } from './relay-kit.ts';

afterEach(cleanUp);

const letter = (fields: Partial<DeadLetter> = {}): DeadLetter => ({
  id: randomUUID(), consumer: 'worker', stream: 'S', sequence: 7, subject: 'a.b', headers: { 'ce-id': 'x' },
  payload: Uint8Array.of(0, 255, 10), reason: 'no', deliveries: 1, at: '2026-01-01T00:00:00.000Z', ...fields,
});
const decision = { actor: 'operator:alice', why: 'mended upstream' };

describe('dead letters', () => {
  it('keep everything, once, newest first, page by page', async () => {
    const letters = createDeadLetters(await openPool());
    const odd = letter({ headers: { 'x-odd': 'nul\u0000 and \ud800' }, reason: 'nul \u0000 inside', issues: [{ path: 'a', message: 'b' }] });
    await letters.store(odd);
    await letters.store(odd);
    for (let n = 1; n < 25; n++) await letters.store(letter({ sequence: n, consumer: n % 2 ? 'odd' : 'even' }));
    expect(await letters.count()).toEqual({ open: 25, retried: 0, dropped: 0 });
    expect(await letters.show(odd.id)).toEqual({ ...odd, reason: 'nul \ufffd inside', status: 'open', audit: [] });
    const pages: number[] = [];
    let after: string | undefined;
    do {
      const page = await letters.list({ limit: 10, ...(after !== undefined && { after }) });
      pages.push(...page.letters.map(({ sequence }) => sequence));
      after = page.next;
    } while (after !== undefined);
    expect(pages).toEqual([...Array.from({ length: 24 }, (_, i) => 24 - i), 7]);
    expect((await letters.list({ consumer: 'odd', status: 'open' })).letters).toHaveLength(12);
    for (const id of ['not an id', '-'.repeat(36), '']) expect(await letters.show(id)).toBeUndefined();
  });

  it('count the tries of what may become one, until it is over', async () => {
    const letters = createDeadLetters(await openPool());
    const [one, other] = [letter(), letter()];
    expect(await Promise.all([1, 2, 3].map(() => letters.countTry(one.id))).then((counts) => counts.sort())).toEqual([1, 2, 3]);
    await letters.endTry(one.id, false);
    expect([await letters.countTry(one.id), await letters.countTry(other.id)]).toEqual([3, 1]);
    await letters.endTry(one.id, true);
    await letters.store(other);
    expect([await letters.countTry(one.id), await letters.countTry(other.id)]).toEqual([1, 1]);
  });

  it('are sealed when a seal is given', async () => {
    const pool = await openPool();
    const flip = (bytes: Uint8Array) => bytes.map((byte) => byte ^ 0x55);
    const sealed = letter({ payload: new TextEncoder().encode('Zoé, +33612345678') });
    const letters = createDeadLetters(pool, { seal: flip, open: flip });
    await letters.store(sealed);
    const { rows } = await pool.query<{ all: string }>("SELECT convert_from(payload, 'LATIN1') || convert_from(headers, 'LATIN1') AS all FROM messaging.dead_letters");
    expect(rows[0]!.all).not.toContain('+33612345678');
    expect((await letters.show(sealed.id))!.payload).toEqual(sealed.payload);
    await expect(createDeadLetters(pool).show(sealed.id)).rejects.toThrow('no key');
  });

  it('are retried or dropped once, by whoever was first, and tell who and why', async () => {
    const bus = await openBus();
    const queue = await openQueue(bus);
    const letters = createDeadLetters(await openPool());
    const seen: Message[] = [];
    const { strategy } = await runStrategy(bus, { ...queue, createStream: true, requests: true }, {
      [`${queue.prefix}.in`]: async (message) => {
        const { good } = message.event.data as { good?: boolean };
        if (!good) return dead('not good');
        seen.push(message);
        return answer({ fine: true });
      },
    }, { deadLetters: letters });
    publishEvent(bus, `${queue.prefix}.in`, event({ id: 'e-9', data: { good: false } }));
    const first = await until('the letter', async () => (await letters.list()).letters[0]);
    expect(first.reason).toBe('not good');

    // As it was: it is refused again and comes back as a new letter.
    expect(await letters.retry(first.id, { ...decision, bus })).toEqual({ refused: 'not good' });
    await until('the new letter', async () => (await letters.count()).open === 1);
    const [again] = (await letters.list({ status: 'open' })).letters;

    // Mended, by two operators at once: one of them does it.
    const payload = new TextEncoder().encode('{"good":true}');
    const tries = await Promise.allSettled([1, 2].map(() => letters.retry(again!.id, { ...decision, bus, payload })));
    expect(tries.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(isDeadLetterClosed((tries.find(({ status }) => status === 'rejected') as PromiseRejectedResult).reason)).toBe(true);
    await until('it was handled', () => seen.length >= 1);
    expect(seen[0]!.event).toMatchObject({ id: 'e-9', data: { good: true } });
    expect(await letters.show(again!.id)).toMatchObject({ status: 'retried', audit: [{ action: 'retried', mended: true, ...decision }] });

    await letters.store(letter());
    const [open] = (await letters.list({ status: 'open' })).letters;
    await letters.drop(open!.id, decision);
    await expect(letters.drop(open!.id, decision)).rejects.toThrow('already dropped');
    expect(await letters.count()).toEqual({ open: 0, retried: 2, dropped: 1 });
    expect(strategy.healthy()).toBeUndefined();
  });

  it('stay open when they could not be published', async () => {
    const bus = await openBus();
    const letters = createDeadLetters(await openPool());
    const lost = letter({ subject: 'nobody.keeps.this' });
    await letters.store(lost);
    await expect(letters.retry(lost.id, { ...decision, bus })).rejects.toThrow();
    expect(await letters.show(lost.id)).toMatchObject({ status: 'open', audit: [] });
  });

  const seed = Number(process.env.SEED ?? randomInt(2 ** 31));
  it(`get every malformed message with its original bytes, none goes round in circles, and good ones pass beside them (SEED=${seed})`, async () => {
    const bus = await openBus();
    const queue = await openQueue(bus);
    const letters = createDeadLetters(await openPool());
    let good = 0;
    await runStrategy(bus, { ...queue, createStream: true, requests: true }, { [`${queue.prefix}.in`]: async () => { good++; return done; } }, { deadLetters: letters });
    const sent: Buffer[] = [];
    const bad = fc.tuple(
      fc.dictionary(fc.constantFrom('ce-id', 'CE-Source', 'ce-type', 'ce-time', 'content-type'), fc.string({ maxLength: 30 }).map((s) => s.replace(/[\r\n]/g, '')), { maxKeys: 4 }),
      fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.json().map((text) => new TextEncoder().encode(text))),
    );
    // Never a specversion, so never a CloudEvent.
    for (const [headers, payload] of fc.sample(bad, { numRuns: 200, seed })) {
      sent.push(Buffer.from(payload));
      bus.publish(`${queue.prefix}.in`, payload, { headers: headersOf(headers) });
      publishEvent(bus, `${queue.prefix}.in`, event());
    }
    await until('all are there', async () => (await letters.count()).open === 200 && good === 200);
    const kept: Buffer[] = [];
    for (const { id } of (await letters.list({ limit: 500 })).letters) kept.push(Buffer.from((await letters.show(id))!.payload));
    const hex = (list: Buffer[]) => list.map((b) => b.toString('hex')).sort();
    expect(hex(kept)).toEqual(hex(sent));
    await until('the queue is empty', async () => (await (await jetstreamManager(bus)).streams.info(queue.stream)).state.messages === 0);
  });

  it('wait, with the message, while PostgreSQL is away', async () => {
    const bus = await openBus();
    const queue = await openQueue(bus);
    const stored: DeadLetter[] = [];
    let down = true;
    const sink = { ...createMemoryDeadLetters(), store: async (one: DeadLetter) => { if (down) throw Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }); stored.push(one); } };
    const { strategy } = await runStrategy(bus, { ...queue, createStream: true }, { [`${queue.prefix}.in`]: async () => dead('never') }, { deadLetters: sink });
    cleanUps.push(() => { down = false; });
    publishEvent(bus, `${queue.prefix}.in`, event());
    await until('it was tried', () => strategy.stats()[0]!.held >= 2);
    down = false;
    await until('it is stored', () => stored.length === 1);
    expect(stored[0]!.deliveries).toBe(1);
  });

  it('come from the second net when the server itself gives up on a message', async () => {
    const bus = await openBus();
    const queue = await openQueue(bus);
    const { dead: letters } = await runStrategy(bus, { ...queue, createStream: true }, { [`${queue.prefix}.in`]: async () => done }, {});
    const jsm = await jetstreamManager(bus);
    await jsm.streams.update(queue.stream, { subjects: [`${queue.prefix}.*`] });
    // The advisory as the server sends it; the message it names is still in the stream because nobody asks for its subject.
    await jsm.consumers.update(queue.stream, queue.durable, { filter_subject: `${queue.prefix}.nothing` } as never);
    publishEvent(bus, `${queue.prefix}.in`, event({ id: 'forgotten' }));
    await until('it is kept', async () => (await jsm.streams.info(queue.stream)).state.messages === 1);
    bus.publish(`$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.${queue.stream}.${queue.durable}`, JSON.stringify({ stream: queue.stream, consumer: queue.durable, stream_seq: 1, deliveries: 80 }));
    await until('the letter', () => letters.size === 1);
    expect([...letters.values()]).toMatchObject([{ sequence: 1, deliveries: 80, headers: { 'ce-id': 'forgotten' } }]);
  });
});
