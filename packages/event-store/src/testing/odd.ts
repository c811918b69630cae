import { randomUUID } from 'node:crypto';
import { expect, it } from '@jest/globals';
import { MAX_EVENT_BYTES } from '../prepare.ts';
import type { GetSubject } from './subject.ts';
import { event, events, newCategory, newStream } from './samples.ts';

const deep = (levels: number): object => (levels === 0 ? {} : { in: deep(levels - 1) });

export function oddCases(get: GetSubject): void {
  it.each<[string, object]>([
    ['nothing', {}],
    ['unicode', { name: 'Zoë 東京 👩‍👩‍👧 \u202e \ufeff é vs é' }],
    ['NUL and control characters', { text: 'a\u0000b\u0001\u001f\u007f\u2028' }],
    ['half surrogates', { text: 'x\ud800y\udc00z' }],
    ['JSON in strings, quotes and backslashes', { text: '{"a":"\\\\n\\""}', path: 'C:\\temp\\' }],
    ['what SQL and arrays dislike', { text: "'; DROP TABLE events; -- {NULL,\"x\"} \\N $1" }],
    ['numbers', { big: 9007199254740991, huge: 1.7976931348623157e308, tiny: 5e-324, fraction: 0.1, minus: -1 }],
    ['null, booleans, empty things', { a: null, b: true, c: false, d: '', e: [], f: {} }],
    ['keys that objects know already', JSON.parse('{"__proto__":{"x":1},"constructor":2,"toString":3,"":4}') as object],
    ['a hundred levels', deep(100)],
  ])('keeps %s', async (_, data) => {
    const { store, other } = get();
    const stream = newStream();
    await store.append(stream, [{ id: randomUUID(), type: 'Odd', data }], 0);
    const [kept] = await other.readStream(stream);
    expect(JSON.stringify(kept!.data)).toBe(JSON.stringify(data));
  });

  it('keeps keys in their order', async () => {
    const { store } = get();
    const stream = newStream();
    const data = { zulu: 1, alpha: { z: 1, a: 2, m: [{ y: 1, b: 2 }] }, mike: 3, Alpha: 4 };
    const metadata = { traceparent: 'x', actor: 'y', correlationId: 'z' };
    await store.append(stream, [{ ...event(1), data, metadata }], 0);
    const [kept] = await store.readStream(stream);
    expect(JSON.stringify(kept!.data)).toBe(JSON.stringify(data));
    expect(JSON.stringify(kept!.metadata)).toBe(JSON.stringify(metadata));
  });

  it('drops what JSON drops', async () => {
    const { store } = get();
    const stream = newStream();
    await store.append(stream, [{ ...event(1), data: { gone: undefined, kept: 1, not: Number.NaN } }], 0);
    expect((await store.readStream(stream))[0]!.data).toEqual({ kept: 1, not: null });
  });

  it.each(['Ünïcode-東京 1', 'with space-and "quotes"', "semi;colon-'x'", '{brace},-1', 'a%b_c-\\d', 'no dash'])('takes streams and types of any name: %s', async (name) => {
    const { store } = get();
    const stream = `${newCategory()}${name}`;
    await store.append(stream, [{ ...event(1), type: name }], 0);
    expect(await store.readStream(stream)).toMatchObject([{ stream, type: name, version: 1 }]);
    expect(await store.readAll({ categories: [stream.split('-', 1)[0]!] })).toMatchObject([{ stream }]);
  });

  it('keeps an event at the limit, whole, and refuses one byte more', async () => {
    const { store, other } = get();
    const stream = newStream();
    const text = 'é€👍 '.repeat(100_000).slice(0, 200_000);
    const filler = 'x'.repeat(MAX_EVENT_BYTES - Buffer.byteLength(JSON.stringify({ text, filler: '' })));
    const big = { id: randomUUID(), type: 'Big', data: { text, filler } };
    await store.append(stream, [big], 0);
    expect((await other.readStream(stream))[0]!.data).toEqual(big.data);
    for (const over of [{ ...big, data: { text, filler: `${filler}x` } }, { ...big, metadata: { actor: 'me' } }]) {
      await expect(store.append(stream, [{ ...over, id: randomUUID() }], 1)).rejects.toMatchObject({ code: 'event-refused' });
    }
  });

  it('keeps many big events beside each other', async () => {
    const { store } = get();
    const category = newCategory();
    const text = 'y'.repeat(300_000);
    await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map((n) => store.append(`${category}-${n}`, [{ ...event(n), data: { n, text } }], 0)));
    const kept = await store.readAll({ categories: [category] });
    expect(kept.map(({ data }) => (data as { text: string }).text.length)).toEqual(Array.from({ length: 8 }, () => 300_000));
  });

  it('takes a thousand events in one append, in order', async () => {
    const { store } = get();
    const stream = newStream();
    const given = events(1000);
    expect((await store.append(stream, given, 0)).version).toBe(1000);
    const kept = await store.readStream(stream);
    expect(kept.map(({ id }) => id)).toEqual(given.map(({ id }) => id));
    expect(kept.map(({ version }) => version)).toEqual(given.map((_, i) => i + 1));
  });
}
