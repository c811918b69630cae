import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import { isStoreUnavailable } from '../errors.ts';
import type { EventStore, NewEvent } from '../port.ts';
import type { GetSubject } from './subject.ts';
import { event, follow, newCategory, numbers, upTo } from './samples.ts';

/** What a caller does: the same append again until there is an answer. Only `StoreUnavailable` may come in between. */
async function insist(store: EventStore, stream: string, given: NewEvent, expected: number): Promise<number> {
  for (;;) {
    await sleep(1);
    try {
      return (await store.append(stream, [given], expected)).version;
    } catch (error) {
      if (!isStoreUnavailable(error)) throw error;
      await sleep(20);
    }
  }
}

export function outageCases(get: GetSubject): void {
  it('goes on by itself: subscriptions without gap or repetition, appends sent again are there once', async () => {
    const { store, other, restart } = get();
    const category = newCategory();
    const after = await store.head();
    const readers = [follow(store, { after, categories: [category] }), follow(other, { after, categories: [category] })];
    await store.append(`${category}-0`, [event(0)], 0);
    await readers[0]!.until(() => readers[0]!.events().length > 0);
    const enough = new AbortController();
    const writers = upTo(4).map(async (writer) => {
      let version = 0;
      for (; !enough.signal.aborted || version < 10;) version = await insist(writer % 2 ? store : other, `${category}-${writer}`, event(version + 1), version);
      return version;
    });
    for (const _ of [1, 2]) {
      await sleep(50);
      await restart();
    }
    await store.readStream(`${category}-0`).catch(() => undefined);
    enough.abort();
    const versions = await Promise.all(writers);
    const total = versions.reduce((sum, version) => sum + version, 1);
    for (const reader of readers) {
      await reader.until(() => reader.events().length >= total);
      expect(reader.events().map(({ id }) => id)).toEqual((await store.readAll({ after, categories: [category], limit: 100_000 })).map(({ id }) => id));
      await reader.stop();
    }
    for (const [i, version] of versions.entries()) expect(numbers(await store.readStream(`${category}-${i + 1}`))).toEqual(upTo(version));
  });
}
