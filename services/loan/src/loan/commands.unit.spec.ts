import { beforeEach, describe, expect, test } from '@jest/globals';
import { CreateAttribution, systemClock } from '@rappel/contracts';
import { createInMemoryEventStore, type EventStore, type Personal } from '@rappel/event-store';
import type { Vault } from '@rappel/privacy';
import { createBorrowers, type Borrowers } from '../borrower/commands.ts';
import type { Cause } from '../stored.ts';
import { announce } from './announce.ts';
import { createLoans, type Loans } from './commands.ts';

const forgotten = new Set<string>();
const vault: Vault = {
  open: (personal: Personal) => Promise.resolve(forgotten.has(personal.subject) ? { state: 'erased', subject: personal.subject } : personal),
  forget: (subject: string) => { forgotten.add(subject); return Promise.resolve(); },
  readmit: (subject: string) => { forgotten.delete(subject); return Promise.resolve(); },
} as unknown as Vault;
const input = (over: object = {}) => CreateAttribution.parse({
  attributionId: 'L-1', borrower: { id: 'B-1', firstName: 'Jean', email: 'jean@example.org' },
  item: { code: 'PERC-001', name: 'Perceuse Bosch' }, duration: 'LONG', due: { date: '2025-12-10' }, ...over,
});
let count = 0;
const cause = (): Cause => ({ id: `00000000-0000-4000-8000-${String(++count).padStart(12, '0')}`, correlationId: 'c-1' });

let store: EventStore;
let loans: Loans;
let borrowers: Borrowers;
const types = async (stream: string) => (await store.readStream(stream)).map(({ type }) => type);

beforeEach(() => {
  forgotten.clear();
  store = createInMemoryEventStore();
  borrowers = createBorrowers({ store, vault, clock: systemClock });
  loans = createLoans({ store, borrowers, clock: systemClock, rules: { closing: '18:00', zoneOf: (department) => (department === 'sud' ? 'Indian/Reunion' : 'Europe/Paris') } });
});

describe('a creation', () => {
  test('is stored with its borrower, the due moment resolved in the default zone', async () => {
    expect(await loans.create(input(), cause())).toEqual({ id: 'L-1', version: 1, duplicate: false });
    expect(await types('borrower-B-1')).toEqual(['BorrowerRegistered']);
    expect(await loans.find('L-1')).toMatchObject({ status: 'out', loan: { dueAt: '2025-12-10T17:00:00.000Z', due: { zone: 'Europe/Paris' }, dueVersion: 1 } });
  });

  test.each([
    ['its own zone first', { due: { date: '2025-12-10', zone: 'Asia/Kathmandu' } }, 'Asia/Kathmandu'],
    ['then the borrower’s', { borrower: { id: 'B-1', firstName: 'J', zone: 'Europe/London' }, department: 'sud' }, 'Europe/London'],
    ['then the department’s', { department: 'sud' }, 'Indian/Reunion'],
  ])('takes %s', async (_, over, zone) => {
    await loans.create(input(over), cause());
    expect(await loans.find('L-1')).toMatchObject({ loan: { due: { zone } } });
  });

  test('sent again under the same id changes nothing, even after the loan moved on', async () => {
    const same = cause();
    await loans.create(input(), same);
    await loans.giveBack({ attributionId: 'L-1' }, cause());
    expect(await loans.create(input(), same)).toMatchObject({ duplicate: true, version: 2 });
    expect(await types('attribution-L-1')).toEqual(['AttributionCreated', 'AttributionReturned']);
  });

  test('racing with its like leaves one loan and one borrower', async () => {
    const all = await Promise.allSettled(Array.from({ length: 20 }, () => loans.create(input(), cause())));
    expect(all.filter(({ status }) => status === 'rejected')).toEqual([]);
    expect(await types('attribution-L-1')).toEqual(['AttributionCreated']);
    expect(await types('borrower-B-1')).toEqual(['BorrowerRegistered']);
  });

  test('updates a borrower whose address changed, and only then', async () => {
    await loans.create(input(), cause());
    await loans.create(input({ attributionId: 'L-2' }), cause());
    await loans.create(input({ attributionId: 'L-3', borrower: { id: 'B-1', firstName: 'Jean', email: 'new@example.org' } }), cause());
    expect(await types('borrower-B-1')).toEqual(['BorrowerRegistered', 'BorrowerUpdated']);
  });
});

describe('the only channel that reaches the borrower', () => {
  const phone = '0612345678';
  const named = async (attributionId: string): Promise<unknown> => {
    const [created] = await store.readStream(`attribution-${attributionId}`);
    return announce(created!)!.event.rappelchannels;
  };
  test.each([
    ['an address alone', { email: 'jean@example.org' }, 'EMAIL'],
    ['a number alone', { email: undefined, phone }, 'WHATSAPP'],
    ['both', { phone }, undefined],
    ['both, but no wish for WhatsApp', { phone, preferences: { whatsapp: false } }, 'EMAIL'],
    ['neither', { email: undefined }, undefined],
  ])('is named by the message of a borrower with %s', async (_, over, channel) => {
    await loans.create(input({ borrower: { id: 'B-1', firstName: 'Jean', email: 'jean@example.org', ...over } }), cause());
    expect(await named('L-1')).toBe(channel);
    // And of one who is known and unchanged.
    await loans.create(input({ attributionId: 'L-2', borrower: { id: 'B-1', firstName: 'Jean', email: 'jean@example.org', ...over } }), cause());
    expect(await named('L-2')).toBe(channel);
  });

  test('stays what it was when the loan was stored, whenever it is announced', async () => {
    await loans.create(input(), cause());
    await borrowers.update({ borrower: input({ borrower: { id: 'B-1', firstName: 'Jean', phone } }).borrower }, cause());
    expect(await named('L-1')).toBe('EMAIL');
  });

  test('is not known of somebody forgotten, nor when a loan comes back', async () => {
    await loans.create(input(), cause());
    await loans.giveBack({ attributionId: 'L-1' }, cause());
    expect(announce((await store.readStream('attribution-L-1'))[1]!)!.event.rappelchannels).toBeUndefined();
    await borrowers.forget('B-1', 'asked for it', cause());
    await loans.create(input({ attributionId: 'L-2' }), cause());
    expect(await named('L-2')).toBeUndefined();
  });
});

describe('a borrower who was forgotten', () => {
  beforeEach(async () => {
    await loans.create(input(), cause());
    await borrowers.forget('B-1', 'asked for it', cause());
  });

  test('stays so when a new loan names them, and the loan is kept', async () => {
    await loans.create(input({ attributionId: 'L-2' }), cause());
    expect(await types('borrower-B-1')).toEqual(['BorrowerRegistered', 'BorrowerForgotten']);
    expect(await types('attribution-L-2')).toEqual(['AttributionCreated']);
    await expect(borrowers.find('B-1', { masked: false })).rejects.toMatchObject({ code: 'unknown-borrower' });
  });

  test('is taken back by an express update', async () => {
    await borrowers.update({ borrower: input().borrower }, cause());
    expect(await borrowers.find('B-1', { masked: true })).toMatchObject({ firstName: 'J.', email: 'j***@e***.org' });
  });

  test('is not taken back by an update from before that comes again', async () => {
    const [first, second] = [cause(), cause()];
    const named = (email: string) => ({ borrower: { ...input().borrower, id: 'B-2', email } });
    await borrowers.update(named('first@example.org'), first);
    await borrowers.update(named('second@example.org'), second);
    expect(await borrowers.update(named('first@example.org'), first)).toMatchObject({ duplicate: true });
    expect(await borrowers.find('B-2', { masked: false })).toMatchObject({ email: 'second@example.org' });
    await borrowers.forget('B-2', 'asked for it', cause());
    await borrowers.update(named('second@example.org'), second);
    await expect(borrowers.find('B-2', { masked: false })).rejects.toMatchObject({ code: 'unknown-borrower' });
    expect(forgotten).toContain('B-2');
  });

  test('is not taken back by an update that changed nothing when it came, and comes again', async () => {
    const [first, second] = [cause(), cause()];
    const named = (email: string) => ({ borrower: { ...input().borrower, id: 'B-3', email } });
    await borrowers.update(named('first@example.org'), cause());
    expect(await borrowers.update(named('first@example.org'), first)).toMatchObject({ duplicate: true, version: 1 });
    await borrowers.update(named('second@example.org'), second);
    expect(await borrowers.update(named('first@example.org'), first)).toMatchObject({ duplicate: true, version: 2 });
    expect(await borrowers.find('B-3', { masked: false })).toMatchObject({ email: 'second@example.org' });
    // Under an id of its own it is news.
    expect(await borrowers.update(named('first@example.org'), cause())).toMatchObject({ duplicate: false });
  });

  test('is forgotten once', async () => {
    expect(await borrowers.forget('B-1', 'again', cause())).toMatchObject({ duplicate: true });
  });
});

describe('an id that was used before', () => {
  const due = (date: string) => ({ attributionId: 'L-1', due: { date } });
  const borrower = (over: object = {}) => ({ borrower: input({ borrower: { id: 'B-1', firstName: 'Jean', email: 'jean@example.org', ...over } }).borrower });
  test.each([
    ['another kind of event', (same: Cause) => loans.create(input(), same), (same: Cause) => loans.giveBack({ attributionId: 'L-1' }, same)],
    ['another item', (same: Cause) => loans.create(input(), same), (same: Cause) => loans.create(input({ item: { code: 'PERC-002', name: 'Perceuse Bosch' } }), same)],
    ['another department', (same: Cause) => loans.create(input(), same), (same: Cause) => loans.create(input({ department: 'sud' }), same)],
    ['another zone', (same: Cause) => loans.create(input(), same), (same: Cause) => loans.create(input({ due: { date: '2025-12-10', zone: 'Asia/Tokyo' } }), same)],
    ['another borrower\u2019s address', (same: Cause) => loans.create(input(), same), (same: Cause) => loans.create({ ...input(), ...borrower({ email: 'new@example.org' }) }, same)],
    ['another day', (same: Cause) => loans.reschedule(due('2025-12-11'), same), (same: Cause) => loans.reschedule(due('2025-12-12'), same)],
    ['that day elsewhere', (same: Cause) => loans.reschedule(due('2025-12-11'), same), (same: Cause) => loans.reschedule({ attributionId: 'L-1', due: { date: '2025-12-11', zone: 'Asia/Tokyo' } }, same)],
    ['another hour of return', (same: Cause) => loans.giveBack({ attributionId: 'L-1', returnedAt: '2025-12-09T10:00:00.000Z' }, same), (same: Cause) => loans.giveBack({ attributionId: 'L-1', returnedAt: '2025-12-09T11:00:00.000Z' }, same)],
    ['another reason', (same: Cause) => loans.cancel({ attributionId: 'L-1', reason: 'broken' }, same), (same: Cause) => loans.cancel({ attributionId: 'L-1', reason: 'lost' }, same)],
    ['another address', (same: Cause) => borrowers.update(borrower({ email: 'new@example.org' }), same), (same: Cause) => borrowers.update(borrower({ email: 'newer@example.org' }), same)],
  ])('is refused for %s, which would be lost as a repetition', async (what, first, second) => {
    const same = cause();
    if (!/kind|item|department|zone|borrower/.test(what)) await loans.create(input(), cause());
    expect(await first(same)).toMatchObject({ duplicate: false });
    expect(await first(same)).toMatchObject({ duplicate: true });
    await expect(second(same)).rejects.toMatchObject({ code: 'id-reused' });
  });

  test('says the same though the closing hour was changed since', async () => {
    const same = cause();
    await loans.create(input(), same);
    const later = createLoans({ store, borrowers, clock: systemClock, rules: { closing: '17:00', zoneOf: () => 'Europe/London' } });
    expect(await later.create(input(), same)).toMatchObject({ duplicate: true });
  });

  test('says the same though the borrower\u2019s key is gone since', async () => {
    const same = cause();
    await borrowers.update(borrower(), same);
    forgotten.add('B-1');
    expect(await borrowers.update(borrower(), same)).toMatchObject({ duplicate: true });
  });
});
