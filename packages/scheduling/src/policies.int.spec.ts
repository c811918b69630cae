import { afterEach, describe, expect, it } from '@jest/globals';
import { loanOf } from '../test/scene.ts';
import { cleanUp, until, world } from '../test/world.ts';
import { openPolicyBook } from './policies.ts';

afterEach(cleanUp);

describe('a new policy', () => {
  it('plans open loans anew and leaves what was sent alone', async () => {
    const { scheduler, clock, told, store, another } = await world('2026-06-01T00:00:00.000Z');
    await another();
    await scheduler.out(loanOf({ due: { date: '2026-06-19' } }), clock.now());
    clock.set('2026-06-17T08:00:00.000Z');
    await until(async () => (await told()).length === 1);
    const book = await openPolicyBook(store, clock);
    const { ladders } = book.active().policy;
    const LONG = { ...ladders.LONG, reminders: ladders.LONG.reminders.map((rung) => ('daysBefore' in rung.when ? { ...rung, when: { ...rung.when, at: '10:30' } } : rung)) };
    await book.activate({ policy: { ...book.active().policy, ladders: { ...ladders, LONG } }, basedOn: 1 });
    await until(async () => (await scheduler.find('a-1'))!.policyVersion === 2);
    expect((await scheduler.find('a-1'))!.rungs.slice(0, 3).map(({ type, at, policy, done }) => [type, at, policy, done])).toEqual([
      ['RAPPEL_J2', '2026-06-17T07:00:00.000Z', 1, 'emitted'],
      ['RAPPEL_J1', '2026-06-18T08:30:00.000Z', 2, undefined],
      ['RAPPEL_FINAL', '2026-06-19T08:30:00.000Z', 2, undefined],
    ]);
    clock.set('2026-06-18T08:30:00.000Z');
    await until(async () => (await told()).length === 2);
    expect(await told()).toEqual(['RAPPEL_J2 a-1', 'RAPPEL_J1 a-1']);
  });
});
