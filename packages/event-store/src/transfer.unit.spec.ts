import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { createInMemoryEventStore } from './memory.ts';
import type { EventStore } from './port.ts';
import { copyStore, exportEvents, importEvents, type Progress } from './transfer.ts';

async function filled(): Promise<EventStore> {
  const store = createInMemoryEventStore();
  for (let n = 0; n < 60; n++) {
    await store.append(`loan-${n % 7}`, [
      { id: randomUUID(), type: 'Happened', data: { n, name: 'Zoë\n"\u0000' }, metadata: { correlationId: `c${n}` }, personal: { state: 'sealed', subject: 'b1', context: 'x', fields: { email: 'v1.zzz' } } },
      ...(n % 5 === 0 ? [{ id: randomUUID(), type: 'Again', data: { n } }] : []),
    ], 'any');
  }
  await store.writeStreamMetadata('loan-3', { subject: 'b1' });
  return store;
}
const content = async (store: EventStore) => (await store.readAll({ limit: 1000 })).map((event) => ({ ...event, checkpoint: '' }));
const linesOf = (store: EventStore) => collect(exportEvents(store, { batchSize: 10 }));
async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
async function* chunks(text: string, size: number) {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

describe('export and import', () => {
  it('gives the same events, times and stream metadata back, whatever the chunks', async () => {
    const source = await filled();
    const lines = await linesOf(source);
    const target = createInMemoryEventStore();
    const result = await importEvents(target, chunks(lines.join(''), 7), { batchSize: 9 });
    expect(result).toMatchObject({ events: 72, written: 72, checkpoint: await source.head() });
    expect(await content(target)).toEqual(await content(source));
    expect(await target.readStreamMetadata('loan-3')).toEqual({ subject: 'b1' });
    expect((await linesOf(target)).at(-1)).toBe(lines.at(-1));
  });

  it('can be run again, and goes on where it broke off, also in the middle of an append', async () => {
    const source = await filled();
    const lines = await linesOf(source);
    const target = createInMemoryEventStore();
    for (const cut of [20, 33, 34, 50]) await expect(importEvents(target, chunks(lines.slice(0, cut).join(''), 1000), { batchSize: 7 })).rejects.toMatchObject({ code: 'transfer-broken' });
    let last: Progress | undefined;
    const result = await importEvents(target, chunks(lines.join(''), 1000), { onProgress: (progress) => { last = progress; } });
    expect(result.written).toBeLessThan(40);
    expect(last).toMatchObject({ events: 72, checkpoint: result.checkpoint });
    expect((await importEvents(target, chunks(lines.join(''), 1000))).written).toBe(0);
    expect((await importEvents(target, chunks(lines.join(''), 1000), { after: result.checkpoint })).written).toBe(0);
    expect(await content(target)).toEqual(await content(source));
  });

  it.each<[string, (lines: string[]) => string[], string]>([
    ['cut at its end', (lines) => lines.slice(0, -1), 'cut off after line 73 '],
    ['cut in the middle of a line', (lines) => [...lines.slice(0, 20), lines[20]!.slice(0, 50)], 'line 21 '],
    ['empty', () => [], 'cut off after line 0 '],
    ['changed in its data', (lines) => lines.with(3, lines[3]!.replace('"n":', '"m":')), 'line 4 '],
    ['changed in a time', (lines) => lines.with(30, lines[30]!.replace('"recordedAt":"2', '"recordedAt":"1')), 'line 31 '],
    ['changed in the metadata of a stream', (lines) => lines.map((line) => line.replace('{"subject":"b1"}', '{"subject":"b2"}')), 'line 11 '],
    ['changed in a checksum', (lines) => lines.with(8, lines[8]!.replace(/"check":"./, (text) => text.replace(/.$/, (digit) => (digit === '0' ? '1' : '0')))), 'line 9 '],
    ['without one of its lines', (lines) => lines.toSpliced(5, 1), 'line 6 '],
    ['in another order', (lines) => lines.with(40, lines[41]!).with(41, lines[40]!), 'line 41 '],
    ['with a line twice', (lines) => lines.toSpliced(10, 0, lines[9]!), 'line 11 '],
    ['continued after its end', (lines) => [...lines, lines[0]!], 'line 75: '],
    ['changed in its count', (lines) => [...lines.slice(0, -1), lines.at(-1)!.replace('"events":72', '"events":71')], 'line 74 '],
    ['something else', () => ['nonsense\n'], 'line 1 '],
  ])('refuses a file that is %s, says where, and writes nothing from there on', async (_, spoil, where) => {
    const source = await filled();
    const lines = await linesOf(source);
    expect(lines).toHaveLength(74);
    const target = createInMemoryEventStore();
    await expect(importEvents(target, chunks(spoil(lines).join(''), 1000))).rejects.toMatchObject({ code: 'transfer-broken', message: expect.stringContaining(where) });
    const [written, all] = [await content(target), await content(source)];
    expect(written).toEqual(all.slice(0, written.length));
    expect(written.length).toBeLessThanOrEqual(Number(/\d+/.exec(where)![0]));
  });

  it('does not write over a stream that holds something else', async () => {
    const lines = await linesOf(await filled());
    const target = createInMemoryEventStore();
    await target.append('loan-0', [{ id: randomUUID(), type: 'Other', data: {} }], 0);
    await expect(importEvents(target, chunks(lines.join(''), 1000))).rejects.toMatchObject({ code: 'version-conflict' });
  });
});

describe('copy', () => {
  it('copies all, in order, with progress, resumes and checks', async () => {
    const source = await filled();
    const target = createInMemoryEventStore();
    const seen: Progress[] = [];
    const first = await copyStore(source, target, { batchSize: 25, onProgress: (progress) => seen.push(progress) });
    expect(seen.map(({ events }) => events)).toEqual([25, 50, 72]);
    expect(await content(target)).toEqual(await content(source));
    await source.append('loan-9', [{ id: randomUUID(), type: 'Later', data: {} }], 0);
    expect(await copyStore(source, target, { after: first.checkpoint })).toMatchObject({ events: 1, written: 1 });
    expect(await copyStore(source, target)).toMatchObject({ events: 73, written: 0 });
    expect(await target.readStreamMetadata('loan-3')).toEqual({ subject: 'b1' });
    await target.append('loan-10', [{ id: randomUUID(), type: 'Stray', data: {} }], 0);
    await expect(copyStore(source, target)).rejects.toMatchObject({ code: 'transfer-broken' });
    expect(await copyStore(source, target, { verify: false })).toMatchObject({ written: 0 });
  });
});
