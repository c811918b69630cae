import { expect, it } from '@jest/globals';
import { START } from '../port.ts';
import type { GetSubject } from './subject.ts';
import { event, events, newCategory, newStream, numbers, upTo } from './samples.ts';

export function readCases(get: GetSubject): void {
  it('finds nothing in a stream that nobody wrote', async () => {
    const { store } = get();
    expect(await store.readStream(newStream())).toEqual([]);
    expect(await store.readStream(newStream(), { backwards: true, limit: 1 })).toEqual([]);
    expect(await store.readAll({ categories: [newCategory()] })).toEqual([]);
    expect(await store.readAll({ categories: [newCategory()], backwards: true })).toEqual([]);
  });

  it('reads a stream from anywhere, forwards and backwards, as much as wanted', async () => {
    const { store } = get();
    const stream = newStream();
    await store.append(stream, events(12), 0);
    const read = async (options: Parameters<typeof store.readStream>[1]) => numbers(await store.readStream(stream, options));
    expect(await read({})).toEqual(upTo(12));
    expect(await read({ from: 5, limit: 3 })).toEqual([5, 6, 7]);
    expect(await read({ from: 11, limit: 9 })).toEqual([11, 12]);
    expect(await read({ from: 13 })).toEqual([]);
    expect(await read({ backwards: true })).toEqual(upTo(12).toReversed());
    expect(await read({ backwards: true, limit: 1 })).toEqual([12]);
    expect(await read({ backwards: true, from: 5, limit: 3 })).toEqual([5, 4, 3]);
    expect(await read({ backwards: true, from: 40, limit: 2 })).toEqual([12, 11]);
    expect(await read({ backwards: true, from: 0 })).toEqual([]);
  });

  it('keeps concurrent reads apart', async () => {
    const { store } = get();
    const streams = upTo(50).map(newStream);
    await store.appendMany(streams.map((stream, i) => ({ stream, events: [event(i), event(-i)], expected: 0 })));
    const read = await Promise.all([...streams, newStream()].map((stream, i) => store.readStream(stream, i % 2 ? { backwards: true } : { limit: 1 })));
    expect(read.map(numbers)).toEqual([...streams.map((_, i) => (i % 2 ? [-i, i] : [i])), []]);
  });

  it('gives every read its own objects', async () => {
    const { store } = get();
    const stream = newStream();
    const given = { n: 1, list: [1] };
    await store.append(stream, [{ ...event(1), data: given }], 0);
    given.list.push(2);
    const [first] = await store.readStream(stream);
    (first!.data as typeof given).list.push(3);
    expect((await store.readStream(stream))[0]!.data).toEqual({ n: 1, list: [1] });
  });

  it('reads the whole order page by page, forwards and backwards', async () => {
    const { store, other } = get();
    const after = await store.head();
    const category = newCategory();
    for (const n of upTo(15)) await (n % 2 ? store : other).append(`${category}-${n % 4}`, [event(n)], 'any');
    const mine = (all: Awaited<ReturnType<typeof store.readAll>>) => numbers(all.filter(({ stream }) => stream.startsWith(category)));
    const paged = [];
    for (let at = after, page = await store.readAll({ after: at, limit: 4 }); page.length > 0; page = await store.readAll({ after: at, limit: 4 })) {
      expect(page.length).toBeLessThanOrEqual(4);
      at = page.at(-1)!.checkpoint;
      paged.push(...page);
    }
    expect(mine(paged)).toEqual(upTo(15));
    const checkpoints = paged.map(({ checkpoint }) => checkpoint);
    expect(checkpoints).toEqual(checkpoints.toSorted());
    expect(new Set(checkpoints).size).toBe(checkpoints.length);
    expect(mine(await store.readAll({ backwards: true, limit: 15 }))).toEqual(upTo(15).toReversed());
    const middle = paged.find(({ data }) => (data as { n: number }).n === 8)!.checkpoint;
    expect(mine(await store.readAll({ backwards: true, after: middle, limit: 3 }))).toEqual([7, 6, 5]);
    expect(await store.readAll({ backwards: true, after: START })).toEqual([]);
    expect(await store.readAll({ after: await store.head() })).toEqual([]);
  });

  it('reads by category: the part before the first dash, exactly', async () => {
    const { store } = get();
    const category = newCategory();
    const [loan, loans, item] = [`${category}loan`, `${category}loans`, `${category}item`];
    const names = [`${loan}-1`, `${loans}-1`, `${item}-1-2-3`, loan, `${loan}-a-b`, `${item}`];
    for (const [i, name] of names.entries()) await store.append(name, [event(i)], 0);
    const read = async (...categories: string[]) => numbers(await store.readAll({ categories }));
    expect(await read(loan)).toEqual([0, 3, 4]);
    expect(await read(loans)).toEqual([1]);
    expect(await read(item, loans)).toEqual([1, 2, 5]);
    expect(await read(loan, loan, loans, item)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(numbers(await store.readAll({ categories: [loan, item], backwards: true, limit: 2 }))).toEqual([5, 4]);
    const all = await store.readAll({ categories: [loan, item] });
    expect(numbers(await store.readAll({ categories: [loan, item], after: all[1]!.checkpoint, limit: 2 }))).toEqual([3, 4]);
    expect(numbers(await store.readAll({ categories: [loan, item], after: all[3]!.checkpoint, backwards: true, limit: 2 }))).toEqual([3, 2]);
    expect(await read()).toEqual([]);
  });

  it('takes category names literally', async () => {
    const { store } = get();
    const category = newCategory();
    await store.append(`${category}axb-1`, [event(1)], 0);
    await store.append(`${category}a.b-1`, [event(2)], 0);
    expect(numbers(await store.readAll({ categories: [`${category}a.b`] }))).toEqual([2]);
  });

  it('keeps metadata beside a stream, outside the order', async () => {
    const { store, other } = get();
    const stream = newStream();
    expect(await store.readStreamMetadata(stream)).toBeUndefined();
    await store.writeStreamMetadata(stream, { subject: 'borrower-1', retainUntil: '2027-01-01T00:00:00.000Z' });
    expect(await other.readStreamMetadata(stream)).toEqual({ subject: 'borrower-1', retainUntil: '2027-01-01T00:00:00.000Z' });
    expect(await store.readStream(stream)).toEqual([]);
    expect(await store.readAll({ categories: [stream.split('-', 1)[0]!] })).toEqual([]);
    await store.append(stream, events(1), 0);
    await other.writeStreamMetadata(stream, { legalHold: { by: 'x' } });
    expect(await store.readStreamMetadata(stream)).toEqual({ legalHold: { by: 'x' } });
    expect((await store.readStream(stream)).map(({ version }) => version)).toEqual([1]);
    await expect(store.writeStreamMetadata('', {})).rejects.toMatchObject({ code: 'event-refused' });
  });
}
