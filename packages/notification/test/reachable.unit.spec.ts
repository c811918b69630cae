import { describe, expect, it } from '@jest/globals';
import { channels as allChannels, type Channel, type Preferences } from '@rappel/contracts';
import { createInMemoryEventStore } from '@rappel/event-store';
import { borrowerStream, reachableOn } from '@rappel/lending';
import type { Message } from '@rappel/messaging';
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { deliver, type ChannelConfig } from '../src/index.ts';
import { isForOthers, rungOf } from '../src/channel-policy.ts';
import { suppress } from '../src/suppression.ts';
import { createWorld, type World } from './world.ts';

interface Facts { readonly preferences: Preferences; readonly has: { readonly email: boolean; readonly phone: boolean } }

const channel = fc.constantFrom(...allChannels);
const facts: fc.Arbitrary<Facts> = fc.record({
  preferences: fc.record(
    { email: fc.boolean(), whatsapp: fc.boolean(), both: fc.boolean(), fallback: fc.boolean(), preferred: channel },
    { requiredKeys: ['email', 'whatsapp', 'both', 'fallback'] },
  ),
  has: fc.record({ email: fc.boolean(), phone: fc.boolean() }),
});
const config: fc.Arbitrary<ChannelConfig> = fc.record(
  { preferred: channel, perType: fc.record({ CREATION: fc.subarray([...allChannels], { minLength: 1 }) }) },
  { requiredKeys: ['preferred'] },
);
/** What happens to the borrower between two steps. */
const change = fc.oneof(fc.constant('nothing' as const), fc.constant('forgotten' as const), channel.map((suppressed) => ({ suppressed })), facts);
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

/** Both services over one store, and a borrower who can change at any step. */
function createBoth(channels: ChannelConfig) {
  const store = createInMemoryEventStore();
  const world = (of: Channel): World => createWorld({ channel: of, store, config: { channels } });
  const worlds = { EMAIL: world('EMAIL'), WHATSAPP: world('WHATSAPP') };
  const { scene, now } = worlds.EMAIL;
  const address = { email: 'jean@example.org', phone: '0612345678' };
  const become = ({ preferences, has }: Facts): Promise<void> =>
    scene.borrower({ borrowerId: 'jean', preferences, ...(has.email && { email: address.email }), ...(has.phone && { phone: address.phone }) });
  const write = (stream: string, type: string, data: object): Promise<unknown> => store.append(stream, [{ id: randomUUID(), type, data, metadata: {} }], 'any');
  return {
    worlds, scene, store, become,
    async undergo(what: Change): Promise<void> {
      if (what === 'nothing') return;
      if (what === 'forgotten') await write(borrowerStream('jean'), 'BorrowerForgotten', { borrowerId: 'jean', at: now() });
      else if ('suppressed' in what) {
        await suppress(store, { borrowerId: 'jean', channel: what.suppressed, kind: 'opt-out', source: 'test', at: now(), commandId: randomUUID() });
      } else await become(what);
    },
    /** Channel and outcome of each notification that came of it. */
    async told(): Promise<string[]> {
      return (await worlds.EMAIL.all()).map(({ identity, phase }) => `${identity!.channel} ${phase}`);
    },
  };
}

const hintOf = (known: Facts): Channel[] | undefined => (reachableOn(known).length === 1 ? reachableOn(known) : undefined);

describe('a message that names the only channel to reach the borrower on', () => {
  it('is told, or not told, by exactly one, however the borrower changed since', () => fc.assert(fc.asyncProperty(
    facts, config, channel, fc.tuple(change, change, change),
    async (known, channels, first, [before, after, between]) => {
      const both = createBoth(channels);
      await both.become(known);
      await both.undergo(before);
      const message = await both.scene.lend('L-1', 'jean', { channels: hintOf(known) });
      await both.undergo(after);
      await deliver(both.worlds[first].deps, message);
      await both.undergo(between);
      await deliver(both.worlds[first === 'EMAIL' ? 'WHATSAPP' : 'EMAIL'].deps, message);
      const told = await both.told();
      expect(told.length).toBeGreaterThan(0);
      if (told.length > 1) expect([known, before].some((facts) => typeof facts === 'object' && 'has' in facts && facts.preferences.both)).toBe(true);
      if (rungOf('CREATION', { config: channels, reachable: hintOf(known) })) expect(told.length).toBe(1);
    },
  ), { numRuns: 3000 }));

  it('reaches whom the same message without the name reaches, while the borrower stays as they are', () => fc.assert(fc.asyncProperty(
    facts, config, fc.constantFrom('nothing' as const, 'forgotten' as const, { suppressed: 'EMAIL' as const }, { suppressed: 'WHATSAPP' as const }),
    async (known, channels, before) => {
      const outcomes = await Promise.all([hintOf(known), undefined].map(async (named) => {
        const both = createBoth(channels);
        await both.become(known);
        await both.undergo(before);
        const message = await both.scene.lend('L-1', 'jean', { channels: named });
        for (const { deps } of Object.values(both.worlds)) await deliver(deps, message);
        return (await both.told()).filter((one) => one.endsWith('accepted'));
      }));
      expect(outcomes[0]).toEqual(outcomes[1]);
    },
  ), { numRuns: 2000 }));

  it('costs the other channel no look into the store', async () => {
    const both = createBoth({ preferred: 'EMAIL' });
    await both.scene.borrower({ borrowerId: 'jean', email: 'jean@example.org' });
    const message = await both.scene.lend('L-1', 'jean', { channels: ['EMAIL'] });
    const blind = { ...both.store, readStream: () => Promise.reject(new Error('read')) };
    expect(await deliver({ ...both.worlds.WHATSAPP.deps, store: blind }, message)).toMatchObject({ kind: 'ignore' });
    await expect(deliver({ ...both.worlds.EMAIL.deps, store: blind }, message)).rejects.toThrow('read');
    expect(await both.told()).toEqual([]);
  });

  it.each<[string, Partial<Message['event']>]>([
    ['nothing', {}], ['no channel at all', { rappelchannels: '' }], ['none that is known', { rappelchannels: 'PIGEON,__proto__' }], ['every channel', { rappelchannels: 'WHATSAPP,EMAIL' }],
  ])('names %s: both look', async (_, named) => {
    const both = createBoth({ preferred: 'EMAIL' });
    await both.scene.borrower({ borrowerId: 'jean', email: 'jean@example.org' });
    const message = await both.scene.lend('L-1', 'jean');
    for (const { deps } of Object.values(both.worlds)) await deliver(deps, { ...message, event: { ...message.event, ...named } });
    expect(await both.told()).toEqual(['EMAIL accepted']);
    expect(isForOthers('WHATSAPP', 'CREATION', { config: { preferred: 'EMAIL' }, rung: undefined })).toBe(false);
  });
});
