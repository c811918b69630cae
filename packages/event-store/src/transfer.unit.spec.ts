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

  it('refuses a file that was cut, changed or continued', async () => {
    const lines = await linesOf(await filled());
    const broken = [lines.slice(0, -1), lines.with(3, lines[3]!.replace('"n":', '"m":')), lines.toSpliced(5, 1), [...lines, lines[0]!], ['nonsense\n']];
    for (const some of broken) {
      await expect(importEvents(createInMemoryEventStore(), chunks(some.join(''), 1000))).rejects.toMatchObject({ code: expect.stringMatching(/transfer-broken|version-conflict/) });
    }
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
