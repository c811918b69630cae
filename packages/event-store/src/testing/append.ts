import { randomUUID } from 'node:crypto';
import { expect, it } from '@jest/globals';
import { isEventRefused, isVersionConflict } from '../errors.ts';
import type { NewEvent } from '../port.ts';
import type { GetSubject } from './subject.ts';
import { codeOf, event, events, newCategory, newStream, numbers, upTo } from './samples.ts';

export function appendCases(get: GetSubject): void {
  it('gives back every field as it was given, and its own', async () => {
    const { store, other } = get();
    const stream = newStream();
    const full: NewEvent = {
      id: randomUUID(),
      type: 'AttributionCreated',
      data: { item: { code: 'PC-042' }, tags: ['a', 'b'] },
      personal: { state: 'sealed', subject: 'borrower-7', context: stream, fields: { email: 'v1.abc' } },
      metadata: { correlationId: randomUUID(), causationId: randomUUID(), traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', actor: 'operator:alice', schemaVersion: 2 },
    };
    const before = await store.head();
    const first = await store.append(stream, [full, event(2)], 0);
    expect(first).toEqual({ stream, version: 2, checkpoint: expect.any(String), duplicate: false });
    expect(first.checkpoint > before).toBe(true);
    expect(await store.head() >= first.checkpoint).toBe(true);
    const [one, two] = await other.readStream(stream);
    expect(one).toEqual({ ...full, stream, version: 1, checkpoint: expect.any(String), recordedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) });
    expect(Math.abs(Date.parse(one!.recordedAt) - Date.now())).toBeLessThan(5 * 60_000);
    expect(two).toEqual({ id: expect.any(String), type: 'Happened', data: { n: 2 }, metadata: {}, stream, version: 2, checkpoint: first.checkpoint, recordedAt: expect.any(String) });
    expect(two).not.toHaveProperty('personal');
    expect(one!.checkpoint < two!.checkpoint).toBe(true);
  });

  it('keeps the time of an imported event', async () => {
    const { store } = get();
    const stream = newStream();
    await store.append(stream, [{ ...event(1), recordedAt: '2020-02-29T23:59:59.120Z' }], 0);
    expect((await store.readStream(stream))[0]!.recordedAt).toBe('2020-02-29T23:59:59.120Z');
  });

  it('appends at the expected version, from nothing on', async () => {
    const { store } = get();
    const stream = newStream();
    expect((await store.append(stream, events(2), 0)).version).toBe(2);
    expect((await store.append(stream, events(1), 2)).version).toBe(3);
    expect((await store.append(stream, events(1), 'any')).version).toBe(4);
    expect((await store.append(newStream(), events(1), 'any')).version).toBe(1);
  });

  it.each([['too low', 1], ['too high', 3], ['must not exist', 0]])('refuses an expected version that does not hold: %s', async (_, expected) => {
    const { store } = get();
    const stream = newStream();
    await store.append(stream, events(2), 0);
    const refusal: unknown = await store.append(stream, events(1), expected).catch((error: unknown) => error);
    expect(isVersionConflict(refusal)).toBe(true);
    expect(refusal).toMatchObject({ name: 'VersionConflict', code: 'version-conflict', stream, expected, actual: 2 });
    expect(await store.readStream(stream)).toHaveLength(2);
  });

  it('refuses an expected version of a stream that nobody wrote', async () => {
    const { store } = get();
    const stream = newStream();
    await expect(store.append(stream, events(1), 1)).rejects.toMatchObject({ code: 'version-conflict', expected: 1, actual: 0 });
    expect(await store.readStream(stream)).toEqual([]);
  });

  const circular: Record<string, unknown> = {};
  circular.self = circular;
  it.each<[string, string | undefined, NewEvent[], number]>([
    ['no event', undefined, [], 0],
    ['a bad id', undefined, [event(1, 'not-a-uuid')], 0],
    ['one id twice', undefined, [event(1, '0b9e60c6-6a94-4b5e-9b4f-6f2a4c3f7a11'), event(2, '0B9E60C6-6A94-4B5E-9B4F-6F2A4C3F7A11')], 0],
    ['an empty type', undefined, [{ ...event(1), type: '' }], 0],
    ['a system type', undefined, [{ ...event(1), type: '$secret' }], 0],
    ['data that is an array', undefined, [{ ...event(1), data: [] }], 0],
    ['data that is nothing', undefined, [{ ...event(1), data: undefined as unknown as object }], 0],
    ['data that is a date', undefined, [{ ...event(1), data: new Date(0) }], 0],
    ['a bigint', undefined, [{ ...event(1), data: { n: 1n } }], 0],
    ['a circle', undefined, [{ ...event(1), data: circular }], 0],
    ['an empty stream name', '', [event(1)], 0],
    ['a system stream', '$all', [event(1)], 0],
    ['a stream without category', '-1', [event(1)], 0],
    ['NUL in a stream name', 'a\u0000-1', [event(1)], 0],
    ['half a surrogate in a stream name', 'a-\ud800', [event(1)], 0],
    ['an endless stream name', `a-${'x'.repeat(300)}`, [event(1)], 0],
    ['a negative version', undefined, [event(1)], -1],
    ['a broken version', undefined, [event(1)], 1.5],
  ])('refuses for ever: %s', async (_, name, given, expected) => {
    const { store } = get();
    const stream = name ?? newStream();
    const refusal: unknown = await store.append(stream, given, expected).catch((error: unknown) => error);
    expect(isEventRefused(refusal)).toBe(true);
    expect(refusal).toMatchObject({ name: 'EventRefused', code: 'event-refused' });
    if (name === undefined) expect(await store.readStream(stream)).toEqual([]);
  });

  it.each<[string, number | 'any']>([['the first version', 0], ['the version now', 3], ['another version', 7], ['no check', 'any']])(
    'answers the same ids with the first result, expecting %s', async (_, expected) => {
      const { store, other } = get();
      const stream = newStream();
      const batch = events(2);
      const first = await store.append(stream, batch, 0);
      await store.append(stream, events(1), 2);
      for (const client of [store, other]) {
        expect(await client.append(stream, batch, expected)).toEqual({ ...first, duplicate: true });
        expect((await client.append(stream, [batch[0]!], expected)).version).toBe(1);
      }
      expect(await store.readStream(stream)).toHaveLength(3);
    });

  it('knows its ids in a long stream too', async () => {
    const { store } = get();
    const stream = newStream();
    const parts = [events(5), events(30), events(1)];
    const answers = [];
    for (const part of parts) answers.push(await store.append(stream, part, 'any'));
    for (const [i, part] of parts.entries()) expect(await store.append(stream, part, 'any')).toEqual({ ...answers[i], duplicate: true });
    await expect(store.append(stream, [parts[1]![20]!, event(0)], 'any')).rejects.toMatchObject({ code: 'event-refused' });
    expect(await store.readStream(stream)).toHaveLength(36);
  });

  it('takes ids in any case and gives them back in lower case', async () => {
    const { store } = get();
    const stream = newStream();
    const id = randomUUID();
    await store.append(stream, [event(1, id.toUpperCase())], 0);
    expect((await store.append(stream, [event(1, id)], 0)).duplicate).toBe(true);
    expect((await store.readStream(stream))[0]!.id).toBe(id);
  });

  it.each<[string, number | 'any']>([['exact', 1], ['first', 0], ['any', 'any']])('refuses ids of which the stream holds only some (%s)', async (_, expected) => {
    const { store } = get();
    const stream = newStream();
    const known = event(1);
    await store.append(stream, [known], 0);
    await expect(store.append(stream, [known, event(2)], expected)).rejects.toMatchObject({ code: 'event-refused' });
    await expect(store.append(stream, [event(2), known], expected)).rejects.toMatchObject({ code: 'event-refused' });
    expect(await store.readStream(stream)).toHaveLength(1);
  });

  it('compares ids within their stream only', async () => {
    const { store } = get();
    const same = event(1);
    const [a, b] = [newStream(), newStream()];
    expect((await store.append(a, [same], 0)).duplicate).toBe(false);
    expect((await store.append(b, [same], 0)).duplicate).toBe(false);
    expect(await store.readStream(b)).toHaveLength(1);
  });

  it('appends to many streams at once and answers in the order given', async () => {
    const { store } = get();
    const [a, b, c] = [newStream(), newStream(), newStream()];
    await store.append(b, events(1), 0);
    const answers = await store.appendMany([{ stream: a, events: events(2), expected: 0 }, { stream: b, events: events(1), expected: 1 }, { stream: c, events: events(3), expected: 'any' }]);
    expect(answers.map(({ stream, version, duplicate }) => [stream, version, duplicate])).toEqual([[a, 2, false], [b, 2, false], [c, 3, false]]);
    for (const { stream, version, checkpoint } of answers) {
      const last = (await store.readStream(stream, { backwards: true, limit: 1 }))[0];
      expect(last).toMatchObject({ version, checkpoint });
    }
    expect(await store.appendMany([])).toEqual([]);
  });

  it('appends to all of many streams or to none', async () => {
    const { store } = get();
    const [a, b, c] = [newStream(), newStream(), newStream()];
    await store.append(b, events(1), 0);
    await expect(store.appendMany([{ stream: a, events: events(1), expected: 0 }, { stream: b, events: events(1), expected: 0 }, { stream: c, events: events(1), expected: 0 }]))
      .rejects.toMatchObject({ code: 'version-conflict', stream: b, expected: 0, actual: 1 });
    await expect(store.appendMany([{ stream: a, events: events(1), expected: 0 }, { stream: c, events: [event(1, 'bad')], expected: 0 }]))
      .rejects.toMatchObject({ code: 'event-refused' });
    await expect(store.appendMany([{ stream: a, events: events(1), expected: 0 }, { stream: a, events: events(1), expected: 1 }]))
      .rejects.toMatchObject({ code: 'event-refused' });
    expect([await store.readStream(a), await store.readStream(c)]).toEqual([[], []]);
    expect(await store.readStream(b)).toHaveLength(1);
  });

  it('answers a repeated append to many streams with the first results', async () => {
    const { store } = get();
    const appends = [{ stream: newStream(), events: events(2), expected: 0 }, { stream: newStream(), events: events(1), expected: 0 }] as const;
    const first = await store.appendMany(appends);
    expect(await store.appendMany(appends)).toEqual(first.map((answer) => ({ ...answer, duplicate: true })));
    for (const { stream, events } of appends) expect(await store.readStream(stream)).toHaveLength(events.length);
  });

  it('gives every one of many concurrent calls its own answer', async () => {
    const { store } = get();
    const category = newCategory();
    const taken = `${category}-taken`;
    await store.append(taken, events(1), 0);
    const calls = Array.from({ length: 120 }, (_, i) => {
      if (i % 10 === 3) return store.append(taken, events(1), 0);
      if (i % 10 === 7) return store.append(`${category}-${i}`, [event(i, 'bad')], 0);
      return store.append(`${category}-${i}`, [event(i), event(i)], 0);
    });
    const answers = await Promise.allSettled(calls);
    answers.forEach((answer, i) => {
      if (answer.status === 'fulfilled') expect(answer.value).toMatchObject({ stream: `${category}-${i}`, version: 2 });
      else expect(codeOf(answer.reason)).toBe(i % 10 === 3 ? 'version-conflict' : 'event-refused');
    });
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(96);
    expect(await store.readAll({ categories: [category] })).toHaveLength(96 * 2 + 1);
  });

  it('keeps the order of calls to one stream', async () => {
    const { store } = get();
    const stream = newStream();
    await Promise.all(upTo(60).map((n) => store.append(stream, [event(n)], n - 1)));
    expect(numbers(await store.readStream(stream))).toEqual(upTo(60));
  });
}
