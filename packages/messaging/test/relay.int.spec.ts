import { afterEach, describe, expect, it } from '@jest/globals';
import { cleanUp, openBus, until } from './kit.ts';
import { held, openField } from './relay-kit.ts';

afterEach(cleanUp);

describe('the relay', () => {
  it('publishes what is announced, once, in order, with the position in the store, and goes on where it was', async () => {
    const bus = await openBus();
    const field = await openField();
    await field.append(3000);
    const first = field.relay(bus, { purge: false });
    await until('the first part', () => first.stats().published === field.announced().length);
    await field.append(500);
    await until('what was added', () => first.stats().published === field.announced().length);
    await until('the checkpoint', async () => first.stats().checkpoint === await field.store.head());
    await first.close();
    await field.append(700);
    const second = field.relay(bus, { purge: false });
    await until('the rest', () => second.stats().published === 630);
    expect(second.stats()).toMatchObject({ leading: true, duplicates: 0, rewinds: 0 });
    expect(second.healthy()).toBeUndefined();
    expect(await held(bus, field.stream)).toEqual(field.announced());
  });

  it('does not publish again what was published before the checkpoint was saved', async () => {
    const bus = await openBus();
    const field = await openField();
    await field.append(2000);
    const first = field.relay(bus, { purge: false });
    await until('it publishes', () => first.stats().published > 0);
    await first.close();
    await field.pool.query("UPDATE messaging.relays SET checkpoint = '', last_seq = 0");
    const second = field.relay(bus, { purge: false });
    await until('all of them', async () => second.stats().checkpoint === await field.store.head());
    expect(await held(bus, field.stream)).toEqual(field.announced());
  });
});
