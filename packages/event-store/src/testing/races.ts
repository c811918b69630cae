import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import { handleCommand } from '../handle-command.ts';
import type { GetSubject } from './subject.ts';
import { codeOf, event, follow, newCategory, newStream, numbers, upTo } from './samples.ts';

export function raceCases(get: GetSubject): void {
  it('lets exactly one of many racing creations win', async () => {
    const { store, other } = get();
    for (const round of upTo(20)) {
      const stream = newStream();
      const answers = await Promise.allSettled(upTo(12).map((n) => (n % 2 ? store : other).append(stream, [event(n)], 0)));
      expect([round, answers.filter(({ status }) => status === 'fulfilled').length]).toEqual([round, 1]);
      for (const answer of answers) if (answer.status === 'rejected') expect(codeOf(answer.reason)).toBe('version-conflict');
      expect(await store.readStream(stream)).toHaveLength(1);
    }
  });

  it('control: without the check, racing creations double', async () => {
    const { store, other } = get();
    const stream = newStream();
    await Promise.all(upTo(12).map((n) => (n % 2 ? store : other).append(stream, [event(n)], 'any')));
    expect(await store.readStream(stream)).toHaveLength(12);
  });

  it('writes racing copies of one append once, and says which wrote', async () => {
    const { store, other } = get();
    for (const expected of [0, 'any'] as const) {
      const stream = newStream();
      const same = [event(1), event(2)];
      const answers = await Promise.all(upTo(10).map((n) => (n % 2 ? store : other).append(stream, same, expected)));
      expect(answers.filter(({ duplicate }) => !duplicate)).toHaveLength(1);
      expect(new Set(answers.map(({ version, checkpoint }) => `${version} ${checkpoint}`)).size).toBe(1);
      expect(await store.readStream(stream)).toHaveLength(2);
    }
  });

  it('loses no update of racing command handlers', async () => {
    const { store, other } = get();
    const stream = newStream();
    const fold = { initial: 0, evolve: (count: number) => count + 1 };
    for (const turn of upTo(5)) {
      await Promise.all(upTo(4).map((n) => handleCommand(n % 2 ? store : other, fold, stream, (count) => [{ ...event(turn), data: { n: count + 1 } }])));
    }
    expect(numbers(await store.readStream(stream))).toEqual(upTo(20));
  });

  it('lets all or none of racing appends to the same two streams through', async () => {
    const { store, other } = get();
    const [a, b] = [newStream(), newStream()];
    const answers = await Promise.allSettled(upTo(10).map((n) => {
      const appends = [{ stream: a, events: [event(n)], expected: 0 }, { stream: b, events: [event(n)], expected: 0 }];
      return (n % 2 ? store : other).appendMany(n % 3 ? appends : appends.toReversed());
    }));
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const winner = answers.findIndex(({ status }) => status === 'fulfilled') + 1;
    expect([numbers(await store.readStream(a)), numbers(await store.readStream(b))]).toEqual([[winner], [winner]]);
  });

  it('shows readers every event of 24 concurrent writers, in one order, however they are delayed or refused', async () => {
    const { store, other } = get();
    const category = newCategory();
    const after = await store.head();
    const readers = [follow(store, { after, categories: [category], batchSize: 7 }), follow(other, { after })];
    const written = new Map<string, number>();
    await Promise.all(upTo(24).map(async (writer) => {
      const client = writer % 2 ? store : other;
      const stream = `${category}-${writer}`;
      for (let version = 0; version < 25;) {
        await sleep(Math.random() * 4);
        const size = 1 + Math.floor(Math.random() * 3);
        if (Math.random() < 0.05) await expect(client.append(stream, [event(-1)], version + 5)).rejects.toMatchObject({ code: 'version-conflict' });
        version = (await client.append(stream, upTo(size).map((n) => event(version + n)), version)).version;
        written.set(stream, version);
      }
    }));
    const total = [...written.values()].reduce((sum, version) => sum + version, 0);
    const truth = await store.readAll({ after, categories: [category], limit: 10_000 });
    expect(truth).toHaveLength(total);
    for (const reader of readers) {
      const mine = () => reader.events().filter(({ stream }) => stream.startsWith(category));
      await reader.until(() => mine().length >= total);
      expect(mine().map(({ id }) => id)).toEqual(truth.map(({ id }) => id));
      await reader.stop();
    }
    const seen = new Map<string, number>();
    for (const { stream, version } of truth) {
      expect(version).toBe((seen.get(stream) ?? 0) + 1);
      seen.set(stream, version);
    }
  });
}
