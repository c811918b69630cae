import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import type { GetSubject } from './subject.ts';
import { event, events, follow, newCategory, newStream, numbers, upTo } from './samples.ts';

export function subscriptionCases(get: GetSubject): void {
  it('delivers what is there, says that it has caught up, then delivers what comes', async () => {
    const { store, other } = get();
    const category = newCategory();
    await store.append(`${category}-1`, events(25), 0);
    const reader = follow(store, { categories: [category], batchSize: 10 });
    await reader.until(({ batches }) => batches.at(-1)?.caughtUp ?? false);
    expect(numbers(reader.events())).toEqual(upTo(25));
    expect(reader.batches.map((batch) => batch.events.length).every((size) => size <= 10)).toBe(true);
    expect(reader.batches.slice(0, 2).map(({ caughtUp }) => caughtUp)).toEqual([false, false]);
    const caughtUpOnce = reader.batches.filter(({ caughtUp }) => caughtUp).length;
    await other.append(`${category}-2`, [event(26)], 0);
    await reader.until(() => reader.events().length === 26);
    await reader.until(({ batches }) => batches.filter(({ caughtUp }) => caughtUp).length > caughtUpOnce);
    await store.append(`${category}-2`, [event(27)], 1);
    await reader.until(() => reader.events().length === 27);
    expect(numbers(reader.events())).toEqual(upTo(27));
    const read = await store.readAll({ categories: [category] });
    expect(reader.events()).toEqual(read);
    await reader.stop();
  });

  it('says so when there is nothing', async () => {
    const { store } = get();
    const reader = follow(store, { categories: [newCategory()], after: await store.head() });
    await reader.until(({ batches }) => batches.at(-1)?.caughtUp ?? false);
    expect(reader.events()).toEqual([]);
    await reader.stop();
  });

  it('resumes after any checkpoint without gap or repetition', async () => {
    const { store } = get();
    const category = newCategory();
    const after = await store.head();
    for (const n of upTo(20)) {
      await store.append(`${category}-${n}`, [event(n)], 0);
      await store.append(newStream(), [event(n)], 0);
    }
    const whole = follow(store, { after, categories: [category], batchSize: 3 });
    await whole.until(({ batches }) => batches.at(-1)?.caughtUp ?? false);
    await whole.stop();
    expect(numbers(whole.events())).toEqual(upTo(20));
    let delivered = 0;
    for (const { events: given, checkpoint } of whole.batches) {
      delivered += given.length;
      const rest = follow(store, { after: checkpoint, categories: [category], batchSize: 4 });
      await rest.until(({ batches }) => batches.at(-1)?.caughtUp ?? false);
      await rest.stop();
      expect(numbers(rest.events())).toEqual(upTo(20).slice(delivered));
    }
    for (const { checkpoint, data } of whole.events()) {
      expect(numbers((await store.readAll({ after: checkpoint, categories: [category] })))).toEqual(upTo(20).slice((data as { n: number }).n));
    }
  });

  it('moves its checkpoint past events of other categories', async () => {
    const { store } = get();
    const category = newCategory();
    const reader = follow(store, { after: await store.head(), categories: [category] });
    await reader.until(({ batches }) => batches.length > 0);
    const { checkpoint } = await store.append(newStream(), events(3), 0);
    await store.append(`${category}-1`, [event(1)], 0);
    await reader.until(({ batches }) => batches.at(-1)!.checkpoint > checkpoint);
    const checkpoints = reader.batches.map((batch) => batch.checkpoint);
    expect(checkpoints).toEqual(checkpoints.toSorted());
    await reader.stop();
  });

  it('waits for a slow consumer, loses nothing and keeps the order', async () => {
    const { store } = get();
    const category = newCategory();
    let busy = 0;
    let mostBusy = 0;
    const reader = follow(store, {
      categories: [category], batchSize: 20, after: await store.head(),
      onBatch: async () => { mostBusy = Math.max(mostBusy, ++busy); await sleep(5); busy -= 1; },
    });
    for (const n of upTo(10)) await store.append(`${category}-${n}`, upTo(50).map((i) => event((n - 1) * 50 + i)), 0);
    await reader.until(() => reader.events().length >= 500);
    expect(numbers(reader.events())).toEqual(upTo(500));
    expect(mostBusy).toBe(1);
    expect(Math.max(...reader.batches.map((batch) => batch.events.length))).toBeLessThanOrEqual(20);
    await reader.stop();
  });

  it('serves two subscribers apart from each other', async () => {
    const { store, other } = get();
    const [a, b] = [newCategory(), newCategory()];
    const after = await store.head();
    const readers = [follow(store, { after, categories: [a] }), follow(store, { after, categories: [a, b] }), follow(other, { after, categories: [b] })];
    for (const n of upTo(10)) await (n % 3 ? store : other).append(`${n % 2 ? a : b}-${n}`, [event(n)], 0);
    const expected = [[1, 3, 5, 7, 9], upTo(10), [2, 4, 6, 8, 10]];
    for (const [i, reader] of readers.entries()) {
      await reader.until(() => reader.events().length >= expected[i]!.length);
      expect(numbers(reader.events())).toEqual(expected[i]);
      await reader.stop();
    }
  });

  it('ends on abort: before it began, while it waits, and between batches', async () => {
    const { store } = get();
    for await (const _ of store.subscribe({ signal: AbortSignal.abort() })) throw new Error('nothing may come');
    const waiting = follow(store, { categories: [newCategory()], after: await store.head() });
    await waiting.until(({ batches }) => batches.length > 0);
    await waiting.stop();
    const category = newCategory();
    await store.append(`${category}-1`, events(30), 0);
    const abort = new AbortController();
    let batches = 0;
    for await (const _ of store.subscribe({ categories: [category], batchSize: 10, signal: abort.signal })) {
      batches += 1;
      abort.abort();
    }
    expect(batches).toBe(1);
  });

  it('lets its consumer leave in the middle', async () => {
    const { store } = get();
    const category = newCategory();
    await store.append(`${category}-1`, events(30), 0);
    for await (const batch of store.subscribe({ categories: [category], batchSize: 10 })) {
      if (batch.events.length === 0) continue;
      expect(batch.events.length).toBeLessThanOrEqual(10);
      expect(numbers(batch.events)).toEqual(upTo(batch.events.length));
      break;
    }
    expect(await store.readAll({ categories: [category] })).toHaveLength(30);
  });
}
