import { describe, expect, it } from '@jest/globals';
import { createInMemoryEventStore, type RecordedEvent } from '@rappel/event-store';
import { notificationFold, statusOf, type Notification } from '@rappel/notification';
import { foldEvents, noChanges, tallyOf } from '../src/fold.ts';
import { foldRow, type LogRow } from '../src/row.ts';
import { bucketOf, count, facts, millisOf, type Tally } from '../src/tally.ts';
import { historySeed, randomFrom, story } from './history.ts';

const seed = historySeed();
const random = randomFrom(seed);

async function recorded(count: number): Promise<RecordedEvent[]> {
  const store = createInMemoryEventStore();
  const stories = Array.from({ length: count }, () => story(random)).filter(({ events }) => events.length > 0);
  for (const { stream, events } of stories) await store.append(stream, events, 0);
  return store.readAll({ limit: 1_000_000 });
}

const fold = (events: readonly RecordedEvent[]) => foldEvents(events, { row: () => undefined, parked: new Set() }, noChanges());

/** Streams keep their order, everything else is shuffled; any event may come again later. */
function shuffled(events: readonly RecordedEvent[]): RecordedEvent[] {
  const streams = [...new Set(events.map(({ stream }) => stream))].map((name) => events.filter(({ stream }) => stream === name));
  const mixed: RecordedEvent[] = [];
  while (streams.length > 0) {
    const at = Math.floor(random() * streams.length);
    mixed.push(streams[at]!.shift()!);
    if (random() < 0.3) mixed.push(mixed[Math.floor(random() * mixed.length)]!);
    if (streams[at]!.length === 0) streams.splice(at, 1);
  }
  return mixed;
}

const plain = (tally: Tally) => Object.fromEntries([...tally].filter(([, n]) => n !== 0).sort());

const told = ({ notificationId, status, phase, attempts, delivery, replacedBy, deliveryCode, receiptMissing, sentAt }: LogRow) =>
  ({ notificationId, status, phase, attempts, delivery, replacedBy, deliveryCode, receiptMissing, sentAt });
const decided = (notificationId: string, state: Notification) => {
  const { phase, attempts, delivery = null, replacedBy = null, deliveryCode = null, receiptMissing, sentAt = null } = state;
  return { notificationId, status: statusOf(state) ?? null, phase, attempts, delivery, replacedBy, deliveryCode, receiptMissing, sentAt };
};

describe(`the log's fold (SEED=${seed})`, () => {
  it('tells the same story as the decider\'s own fold', async () => {
    const events = await recorded(400);
    const { rows, poison } = fold(events);
    expect(poison).toEqual([]);
    for (const [id, row] of rows) {
      const state = events.filter(({ stream }) => stream.endsWith(id)).reduce(notificationFold.evolve, notificationFold.initial);
      expect(told(row)).toEqual(decided(id, state));
      if (state.phase === 'ready' || state.phase === 'attempting') expect([id, row.waitingFor]).toEqual([id, state.waiting?.reason ?? null]);
    }
  });

  it('gives the same rows and counters for every interleaving and duplication', async () => {
    const events = await recorded(60);
    const folded = fold(events);
    for (let round = 0; round < 20; round += 1) {
      const other = fold(shuffled(events));
      expect(other.rows).toEqual(folded.rows);
      expect(plain(tallyOf(other))).toEqual(plain(tallyOf(folded)));
    }
  });

  it('keeps counters, batch by batch, at what a count over the final rows gives', async () => {
    const events = await recorded(200);
    const rows = new Map<string, LogRow>();
    const tally: Tally = new Map();
    for (let from = 0; from < events.length; from += 37) {
      const changes = foldEvents(events.slice(from, from + 37), { row: (id) => rows.get(id), parked: new Set() }, noChanges());
      for (const [key, n] of tallyOf(changes)) tally.set(key, (tally.get(key) ?? 0) + n);
      for (const [id, row] of changes.rows) rows.set(id, row);
    }
    const afresh: Tally = new Map();
    for (const row of rows.values()) count(afresh, row, 1);
    expect(plain(tally)).toEqual(plain(afresh));
    const days = facts(afresh).filter(({ measure }) => measure === 'status');
    for (const grain of ['d', 'm']) expect(days.filter((fact) => fact.grain === grain).reduce((sum, { n }) => sum + n, 0)).toBe(rows.size);
  });

  it('sets an event aside that it cannot understand, and everything behind it of that notification only', async () => {
    const events = await recorded(20);
    const victim = events.find((event) => event.version === 2)!;
    const spoilt = events.map((event) => (event === victim ? { ...event, type: 'FromTheFuture' } : event));
    const { rows, poison } = fold(spoilt);
    expect(poison.map(({ event }) => event.stream)).toEqual(events.filter((e) => e.stream === victim.stream && e.version >= 2).map((e) => e.stream));
    expect(poison[0]!.reason).toBe('unknown event type FromTheFuture');
    expect([...rows.values()].find((row) => victim.stream.endsWith(row.notificationId))!.version).toBe(1);
    expect(rows.size).toBe(new Set(events.map(({ stream }) => stream)).size);
  });

  it.each([
    ['a missing date', { at: undefined }, 'at is not an instant'],
    ['an unknown channel', { channel: 'PIGEON' }, 'channel "PIGEON" is not known'],
    ['another stream\'s id', { notificationId: '00000000-0000-4000-8000-000000000000' }, 'notificationId is not the UUID in the name of the stream'],
    ['a fraction', { occurrence: 1.5 }, 'occurrence is not a whole number'],
  ])('refuses a first event with %s', async (_, wrong, reason) => {
    const [event] = await recorded(1);
    expect(() => foldRow(undefined, { ...event!, data: { ...event!.data, ...wrong } })).toThrow(reason);
  });

  it('keeps an instant as it is usually written, whatever else names one', async () => {
    const event = (await recorded(20)).find(({ type }) => type === 'NotificationRequested');
    const odd = foldRow(undefined, { ...event!, data: { ...event!.data, dueFrom: '2026-01-01 00:00 (a\tb) Z' } });
    expect(odd.dueAt).toBe('2026-01-01T00:00:00.000Z');
  });

  it('refuses to go on over a gap', async () => {
    const [event] = await recorded(1);
    expect(() => foldRow(undefined, { ...event!, version: 3 })).toThrow('version 3 follows 0');
  });

  it('keeps percentiles within 2.5 %', () => {
    for (const ms of [2, 17, 950, 3_600_000, 86_400_000]) expect(Math.abs(millisOf(bucketOf(ms)) - ms) / ms).toBeLessThan(ms < 20 ? 0.3 : 0.026);
    expect(millisOf(bucketOf(0))).toBe(0);
  });

  it('takes an early receipt, a late success and a replay as they come', () => {
    const base = { stream: 'notification-00000000-0000-4000-8000-000000000001', metadata: {}, checkpoint: '1', recordedAt: '2026-03-01T08:00:00.000Z', id: '00000000-0000-4000-8000-00000000000a' };
    const at = (minute: number) => `2026-03-01T08:${String(minute).padStart(2, '0')}:00.000Z`;
    const identity = { notificationId: '00000000-0000-4000-8000-000000000001', attributionId: 'l', borrowerId: 'b', type: 'RETARD', channel: 'WHATSAPP', dueVersion: 1, occurrence: 1 };
    const events = [
      { type: 'NotificationRequested', data: { ...identity, dueFrom: at(0), at: at(0) } },
      { type: 'AttemptStarted', data: { attemptId: 'a1', number: 1, leaseUntil: at(1), at: at(1) } },
      { type: 'DeliveryReported', data: { receiptId: 'r', providerId: 'SM', delivery: 'delivered', at: at(2) } },
      { type: 'AttemptFailed', data: { attemptId: 'a1', class: 'TRANSIENT', text: 'x', spent: true, at: at(3) } },
      { type: 'NotificationGivenUp', data: { class: 'TRANSIENT', text: 'x', attempts: 1, at: at(4) } },
      { type: 'NotificationReplayed', data: { replayId: 'r', actor: 'operator:a', why: 'w', at: at(5) } },
      { type: 'AttemptStarted', data: { attemptId: 'a2', number: 2, leaseUntil: at(6), at: at(6) } },
      { type: 'AttemptAccepted', data: { attemptId: 'a2', providerId: 'SM2', attempts: 2, at: at(7) } },
    ];
    const row = events.reduce<LogRow | undefined>((state, event, i) => foldRow(state, { ...base, ...event, version: i + 1 } as RecordedEvent), undefined)!;
    expect(row).toMatchObject({ status: 'ENVOYEE', attempts: 2, replays: 1, sentAt: at(7), deliveredAt: at(2), delivery: 'delivered', errorText: null, givenUpAt: null, version: 8 });
  });
});
