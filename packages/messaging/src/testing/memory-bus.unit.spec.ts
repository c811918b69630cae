import { randomInt } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { publicEvents } from '@rappel/contracts';
import { dead, done, retry, type Message, type Outcome } from '../port.ts';
import { createInMemoryBus, createVirtualTime, seededRandom } from './index.ts';

const event = (n: number, key = 'k') => ({ specversion: '1.0' as const, id: `e${n}`, source: 'spec', type: 'Counted', subject: key, data: { n } });
const numberOf = ({ event: { data } }: Message) => (data as { n: number }).n;
const open = (seed = 1, faults = {}) => {
  const time = createVirtualTime();
  return { time, bus: createInMemoryBus({ time, random: seededRandom(seed), faults }) };
};

describe('the bus in memory', () => {
  it('delivers in order, holds retries back with their key, and gives failures back later', async () => {
    const { time, bus } = open();
    const seen: string[] = [];
    const handler = async (message: Message): Promise<Outcome> => {
      const n = numberOf(message);
      seen.push(`${n}/${message.deliveries}@${time.nowMs() - Date.parse('2026-01-01T00:00:00.000Z')}`);
      if (n === 1 && seen.length === 1) return retry(500, 'not yet');
      if (n === 3 && message.deliveries === 1) throw new Error('once');
      return n === 4 ? dead('never') : done;
    };
    bus.subscribe({ consumer: 'c', handlers: { 'a.*': handler } });
    for (const n of [1, 2, 3, 4]) bus.publish('a.b', event(n));
    bus.publish('a.b', event(5, 'other'));
    bus.publish('elsewhere', event(6));
    await time.run();
    expect(seen).toEqual(['1/1@0', '5/1@0', '1/1@500', '2/1@500', '3/1@500', '4/1@500', '3/2@1500']);
    expect(bus.deadLetters).toMatchObject([{ consumer: 'c', reason: 'never', subject: 'a.b' }]);
    expect(bus.pending()).toBe(0);
  });

  it('buries what fails for good and what does not fit its contract', async () => {
    const { time, bus } = open();
    bus.subscribe({ consumer: 'c', maxTries: 3, handlers: { bad: async () => { throw new Error('no'); }, [publicEvents.ReminderDue.subject]: async () => done } });
    bus.publish('bad', event(1));
    bus.publish(publicEvents.ReminderDue.subject, { ...event(2), type: 'ReminderDue' });
    await time.run();
    expect(bus.deadLetters.map(({ reason, deliveries }) => [reason.slice(0, 30), deliveries]).sort()).toEqual([['data of ReminderDue does not f', 1], ['failed 3 times, last: Error: n', 3]]);
  });

  it('delivers everything at least once under every fault and crash, the same way for the same seed', async () => {
    const seed = Number(process.env.SEED ?? randomInt(1e9));
    const once = async () => {
      const { time, bus } = open(seed, { reorder: 0.3, duplicate: 0.2, dropAck: 0.2, delayMs: 5000 });
      const seen: number[] = [];
      const finished = new Set<number>();
      bus.subscribe({ consumer: 'c', concurrency: 3, handlers: { a: async (message) => {
        seen.push(numberOf(message));
        await time.sleep(10);
        finished.add(numberOf(message));
        return done;
      } } });
      for (let n = 0; n < 200; n++) bus.publish('a', event(n, `k${n % 5}`));
      for (const at of [15, 2000, 70_000]) time.after(at, () => { bus.crash('c'); });
      await time.run();
      expect([finished.size, bus.pending(), bus.deadLetters.length]).toEqual([200, 0, 0]);
      expect(seen.length).toBeGreaterThan(200);
      return seen;
    };
    try {
      expect(await once()).toEqual(await once());
    } catch (error) {
      throw new Error(`SEED=${seed}`, { cause: error });
    }
  });
});
