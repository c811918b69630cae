import { describe, expect, it } from '@jest/globals';
import { createInMemoryEventStore, VersionConflict } from '@rappel/event-store';
import { deliver, statusOf, storeReceipt, workOnce } from '../src/index.ts';
import { createWorld, type World } from './world.ts';

const jean = { borrowerId: 'jean', phone: '0612345678', email: 'jean@example.org' };
const throttled = { kind: 'failed', failure: { class: 'THROTTLE', code: '20429', text: 'Twilio API error 20429: too many' } } as const;
const transient = { kind: 'failed', failure: { class: 'TRANSIENT', code: '63012', text: 'Twilio API error 63012: try later' } } as const;
const misconfigured = { kind: 'failed', failure: { class: 'CONFIG', code: '20003', text: 'Twilio API error 20003: Authenticate' } } as const;
const ended = { kind: 'failed', failure: { class: 'CONTENT', code: '63016', text: 'Twilio API error 63016: outside the window' } } as const;

async function created(world: World, borrower: Parameters<World['scene']['borrower']>[0] = jean) {
  await world.scene.borrower(borrower);
  return world.scene.lend('loan-1', borrower.borrowerId);
}
const only = async (world: World) => {
  const all = await world.all();
  expect(all).toHaveLength(1);
  return all[0]!;
};

describe('delivering', () => {
  it('stores the attempt before it sends and the outcome after', async () => {
    const world = createWorld();
    expect(await deliver(world.deps, await created(world))).toEqual({ kind: 'done' });
    const notification = await only(world);
    expect(await world.types(notification.identity!.notificationId)).toEqual(['NotificationRequested', 'AttemptStarted', 'AttemptAccepted']);
    expect(notification).toMatchObject({ phase: 'accepted', attempts: 1, providerId: 'SM1' });
    expect(world.provider.taken).toMatchObject([{ recipient: '+33612345678', codes: ['PERC-001'], type: 'CREATION' }]);
    expect(world.waiting.rows()).toEqual([]);
  });

  it('tells nobody twice when the message comes again', async () => {
    const world = createWorld();
    const message = await created(world);
    await Promise.all([deliver(world.deps, message), deliver(world.deps, message), deliver(world.deps, message)]);
    await deliver(world.deps, { ...message, deliveries: 2 });
    expect(world.provider.taken).toHaveLength(1);
  });

  it('acknowledges no message whose notification it could not even begin', async () => {
    const store = createInMemoryEventStore();
    const world = createWorld({ store: { ...store, append: async (stream, events, expected) => {
      if (stream.startsWith('notification-')) throw new VersionConflict({ stream, expected: 0, actual: 1 });
      return store.append(stream, events, expected);
    } } });
    const message = await created(world);
    await expect(deliver(world.deps, message)).rejects.toThrow('overtaken');
    expect(world.provider.taken).toEqual([]);
  });

  it('tries a failure that can heal three times, then gives it up', async () => {
    const world = createWorld({ fate: () => transient });
    await deliver(world.deps, await created(world));
    expect(await only(world)).toMatchObject({ phase: 'ready', attempts: 1, error: transient.failure });
    await world.pass(59);
    expect(world.provider.asked()).toBe(1);
    await world.pass(2);
    expect(world.provider.asked()).toBe(2);
    await world.pass(301);
    const notification = await only(world);
    expect(statusOf(notification)).toBe('ECHEC_PERMANENT');
    expect(notification).toMatchObject({ attempts: 3, error: transient.failure });
    await world.pass(100_000);
    expect(world.provider.asked()).toBe(3);
  });

  it('settles an unknown outcome by evidence: a message that was taken is not sent again', async () => {
    const world = createWorld({ fate: () => ({ kind: 'lost' }) });
    await deliver(world.deps, await created(world));
    expect(await only(world)).toMatchObject({ phase: 'unknown' });
    for (let round = 0; round < 30; round++) await world.pass(1);
    expect(await only(world)).toMatchObject({ phase: 'accepted', attempts: 1, providerId: 'SM1' });
    expect(world.provider.taken).toHaveLength(1);
  });

  it('looks for evidence by the words of the attempt, though the loan was extended and the borrower has another name and number since', async () => {
    const looked: string[] = [];
    const world = createWorld({
      fate: () => ({ kind: 'lost' }),
      settle: async ({ outgoing }) => {
        looked.push(outgoing.model.items[0]!.dueDate, outgoing.model.firstName, outgoing.recipient);
        return { kind: 'sent', evidence: 'provider-list', providerId: 'SM1' };
      },
    });
    const message = await created(world);
    await deliver(world.deps, message);
    const { loan } = message.event.data as { loan: { attributionId: string; due: { date: string; zone: string } } };
    await world.scene.reschedule(loan.attributionId, { date: '2027-01-31', zone: loan.due.zone });
    await world.scene.borrower({ ...jean, firstName: 'Jeanne', phone: '0698765432' });
    for (let round = 0; round < 30; round++) await world.pass(1);
    expect(looked).toEqual([loan.due.date, 'Jean', '+33612345678']);
  });

  it('sends again what demonstrably never arrived', async () => {
    let first = true;
    const world = createWorld({ fate: () => (first ? (first = false, { kind: 'unknown' }) : { kind: 'take' }) });
    await deliver(world.deps, await created(world));
    for (let round = 0; round < 30; round++) await world.pass(1);
    expect(await only(world)).toMatchObject({ phase: 'accepted', attempts: 2 });
    expect(world.provider.taken).toHaveLength(1);
  });

  it('pauses the channel on a bad credential after one attempt, tries one after a while, and goes on with all', async () => {
    let broken = true;
    const world = createWorld({ fate: () => (broken ? misconfigured : { kind: 'take' }) });
    await deliver(world.deps, await created(world));
    for (const loan of ['loan-2', 'loan-3']) await deliver(world.deps, await world.scene.lend(loan, 'jean'));
    expect(world.provider.asked()).toBe(1);
    expect((await world.all()).map((one) => [statusOf(one), one.attempts, one.waiting?.reason])).toEqual([['ECHEC', 1, 'paused'], ['EN_ATTENTE', 0, 'paused'], ['EN_ATTENTE', 0, 'paused']]);
    expect(world.gate.state()).toMatchObject({ kind: 'paused', text: 'Twilio API error 20003: Authenticate' });
    await world.pass(31);
    expect(world.provider.asked()).toBe(2);
    expect((await world.all()).map(({ attempts }) => attempts)).toEqual([1, 0, 0]);
    broken = false;
    await world.pass(121);
    await world.pass(1);
    expect(world.gate.state()).toEqual({ kind: 'open', by: 'probe' });
    expect((await world.all()).map((one) => statusOf(one))).toEqual(['ENVOYEE', 'ENVOYEE', 'ENVOYEE']);
  });

  it('lets one whom the server lets nobody write to keep nobody else back, however urgent', async () => {
    const world = createWorld({ channel: 'EMAIL', fate: ({ recipient }) => (recipient.startsWith('strict') ? { ...misconfigured, failure: { ...misconfigured.failure, code: '5.7.1' } } : { kind: 'take' }) });
    await world.scene.borrower({ ...jean, borrowerId: 'strict', email: 'strict@example.org' });
    await world.scene.lend('urgent', 'strict');
    await deliver(world.deps, world.scene.remind('RAPPEL_FINAL', ['urgent']));
    await deliver(world.deps, await created(world));
    for (let round = 0; round < 30; round++) await world.pass(60);
    const strict = (await world.all()).find(({ identity }) => identity!.borrowerId === 'strict')!;
    expect([statusOf(strict), strict.error]).toEqual(['ECHEC_PERMANENT', { class: 'RECIPIENT', code: '5.7.1', text: misconfigured.failure.text }]);
    expect((await world.all()).filter((one) => statusOf(one) === 'ENVOYEE')).toHaveLength(1);
    expect(world.gate.state()).toMatchObject({ kind: 'open' });
  });

  it('tries a paused channel with one that really goes out, not with one that needs no attempt', async () => {
    let refusals = 2;
    const world = createWorld({ fate: () => (refusals-- > 0 ? misconfigured : { kind: 'take' }) });
    await deliver(world.deps, await created(world));
    await world.scene.lend('loan-2', 'jean');
    await deliver(world.deps, world.scene.remind('RAPPEL_FINAL', ['loan-2'], { validUntil: '2026-12-01T09:00:10.000Z' }));
    await deliver(world.deps, await world.scene.lend('loan-3', 'jean'));
    await world.pass(31);
    expect(world.provider.asked()).toBe(2);
    // In turn: the reminder, too late by now, then the third.
    await world.pass(121);
    expect(world.gate.state()).toEqual({ kind: 'open', by: 'probe' });
    await world.pass(1);
    expect((await world.all()).map(({ phase, skipped }) => skipped ?? phase)).toEqual(['accepted', 'too-late', 'accepted']);
  });

  it('leaves the whole channel alone when it is told that it is too fast, without spending attempts', async () => {
    let refusals = 2;
    const world = createWorld({ fate: () => (refusals-- > 0 ? throttled : { kind: 'take' }) });
    await deliver(world.deps, await created(world));
    expect(await only(world)).toMatchObject({ attempts: 0, waiting: { reason: 'throttled' } });
    await deliver(world.deps, await world.scene.lend('loan-2', 'jean'));
    expect(world.provider.asked()).toBe(1);
    for (let round = 0; round < 10; round++) await world.pass(1);
    expect((await world.all()).map(({ phase, attempts }) => [phase, attempts])).toEqual([['accepted', 1], ['accepted', 1]]);
  });

  it('lets one whose server puts off every message of theirs wait by itself, while all others go out', async () => {
    const world = createWorld({ channel: 'EMAIL', fate: ({ recipient }) => (recipient.startsWith('grey') ? { ...throttled, failure: { ...throttled.failure, code: '4.7.1' } } : { kind: 'take' }) });
    await world.scene.borrower({ ...jean, borrowerId: 'grey', email: 'grey@example.org' });
    await world.scene.borrower(jean);
    await world.scene.lend('put-off', 'grey');
    await deliver(world.deps, world.scene.remind('RAPPEL_FINAL', ['put-off']));
    for (let n = 0; n < 30; n++) await deliver(world.deps, await world.scene.lend(`loan-${n}`, 'jean'));
    for (let round = 0; round < 4; round++) await world.pass(3);
    const refusals = world.provider.asked() - world.provider.taken.length;
    expect([world.provider.taken.length, refusals]).toEqual([30, 3]);
    // The channel is not closed for it again, and it is tried again all the same.
    await world.pass(120);
    expect(world.provider.asked() - world.provider.taken.length).toBe(refusals);
    await world.pass(300);
    expect(world.provider.asked() - world.provider.taken.length).toBe(refusals + 1);
    expect((await world.all()).filter(({ phase }) => phase === 'ready')).toMatchObject([{ attempts: 0, waiting: { reason: 'throttled' } }]);
  });

  it('leaves the channel alone for a day when Twilio says so', async () => {
    let refusals = 1;
    const tooMany = { kind: 'failed', failure: { class: 'THROTTLE', code: '63018', text: 'Twilio API error 63018: limit reached' } } as const;
    const world = createWorld({ fate: () => (refusals-- > 0 ? tooMany : { kind: 'take' }) });
    await deliver(world.deps, await created(world));
    await world.pass(86_300);
    expect([world.provider.asked(), await only(world)]).toMatchObject([1, { attempts: 0, waiting: { reason: 'throttled' } }]);
    await world.pass(200);
    expect(await only(world)).toMatchObject({ phase: 'accepted', attempts: 1 });
  });

  it('defers what is over the day’s limit, which is no failure, until there is room', async () => {
    let room = false;
    const world = createWorld({ limiter: { take: async () => (room ? { ok: true } : { ok: false, reason: 'daily-limit', afterMs: 3_600_000 }) } });
    await deliver(world.deps, await created(world));
    const deferred = await only(world);
    expect([statusOf(deferred), deferred.attempts, deferred.waiting?.reason, world.provider.asked()]).toEqual(['EN_ATTENTE', 0, 'daily-limit', 0]);
    room = true;
    await world.pass(3590);
    expect(world.provider.asked()).toBe(0);
    await world.pass(11);
    expect(await only(world)).toMatchObject({ phase: 'accepted', attempts: 1 });
  });

  it('lets nobody who comes later pass those who wait for leave, the urgent before all, and hands out the rest as before', async () => {
    let tokens = 0;
    const world = createWorld({ limiter: { take: async () => (tokens > 0 ? (tokens -= 1, { ok: true }) : { ok: false, reason: 'rate', afterMs: 1000 }) } });
    await world.scene.borrower(jean);
    const lend = async (loan: string) => deliver(world.deps, await world.scene.lend(loan, 'jean'));
    const told = () => world.provider.taken.map(({ notificationId }) => notificationId).length;
    for (const loan of ['a', 'b']) await lend(loan);
    await workOnce(world.deps);
    expect(told()).toBe(0);
    // A new window, and what is new comes before the worker wakes: it queues.
    tokens = 2;
    await lend('c');
    await deliver(world.deps, await world.scene.late('a'));
    expect([told(), tokens]).toEqual([0, 2]);
    await world.pass(1.1);
    expect(world.provider.taken[0]).toMatchObject({ type: 'RETARD' });
    expect(told()).toBe(2);
    tokens = 10;
    await world.pass(1.1);
    expect(told()).toBe(4);
    // Nobody waits any more.
    await lend('d');
    expect(told()).toBe(5);
  });

  it('marks a receipt that never comes, once its time is over, and takes the mark back when it comes after all', async () => {
    const world = createWorld({ receipts: true, config: { receiptSeconds: 3600 } });
    await deliver(world.deps, await created(world));
    const { identity } = await only(world);
    const receipt = (delivery: 'sent' | 'delivered') => storeReceipt(world.store, { notification: identity!, providerId: 'SM1', delivery, at: world.now() });
    await receipt('sent');
    await world.pass(3599);
    expect(await only(world)).toMatchObject({ receiptMissing: false });
    await world.pass(2);
    await world.pass(100_000);
    expect((await world.types(identity!.notificationId)).filter((type) => type === 'ReceiptMissing')).toHaveLength(1);
    expect([await only(world), world.waiting.rows()]).toMatchObject([{ phase: 'accepted', receiptMissing: true, delivery: 'sent' }, []]);
    await receipt('delivered');
    expect(await only(world)).toMatchObject({ receiptMissing: false, delivery: 'delivered' });
  });

  it('marks no receipt that came in time', async () => {
    const world = createWorld({ receipts: true, config: { receiptSeconds: 3600 } });
    await deliver(world.deps, await created(world));
    const { identity } = await only(world);
    await storeReceipt(world.store, { notification: identity!, providerId: 'SM1', delivery: 'delivered', at: world.now() });
    await world.pass(100_000);
    expect([await only(world), world.waiting.rows()]).toMatchObject([{ receiptMissing: false }, []]);
  });

  it('sends no reminder for a loan that is back, cancelled, extended or past', async () => {
    const world = createWorld();
    await world.scene.borrower(jean);
    for (const loan of ['back', 'gone', 'longer', 'past']) await world.scene.lend(loan, 'jean');
    const reminders = ['back', 'gone', 'longer', 'past'].map((loan) => world.scene.remind('RAPPEL_J1', [loan], { validUntil: loan === 'past' ? '2026-11-30T00:00:00.000Z' : '2026-12-10T15:30:00.000Z' }));
    await world.scene.giveBack('back');
    await world.scene.cancel('gone');
    await world.scene.reschedule('longer', { date: '2026-12-20', zone: 'Europe/Paris' });
    for (const reminder of reminders) await deliver(world.deps, reminder);
    expect((await world.all()).map(({ skipped }) => skipped)).toEqual(['returned', 'cancelled', 'superseded', 'too-late']);
    expect(world.provider.taken).toEqual([]);
  });

  it('tells several loans in one message, each with its own record, and leaves out what is back', async () => {
    const world = createWorld();
    await world.scene.borrower(jean);
    for (const loan of ['a', 'b', 'c']) await world.scene.lend(loan, 'jean', { code: loan.toUpperCase() });
    await world.scene.giveBack('b');
    await deliver(world.deps, world.scene.remind('RAPPEL_J1', ['a', 'b', 'c']));
    expect(world.provider.taken).toMatchObject([{ codes: ['A', 'C'] }]);
    expect((await world.all()).map(({ phase, providerId }) => [phase, providerId])).toEqual(expect.arrayContaining([['accepted', 'SM1'], ['skipped', undefined], ['accepted', 'SM1']]));
  });

  it.each([
    ['by the calendar of where the loan is due', 182, undefined, 1],
    ['by that of where the borrower lives', 182, 'Asia/Tokyo', 2],
    ['also when it was moved before closed days', 120, undefined, 4],
  ])('says how many days are left when it is sent: %s', async (_, hours, zone, daysLeft) => {
    const counted: unknown[] = [];
    const world = createWorld({ fate: ({ model }) => { counted.push(model.daysLeft); return { kind: 'lost' }; }, settle: async ({ outgoing }) => { counted.push(outgoing.model.daysLeft); return { kind: 'sent', evidence: 'provider-list', providerId: 'SM1' }; } });
    await world.scene.borrower({ ...jean, ...(zone && { zone }) });
    await world.scene.lend('a', 'jean');
    await world.pass(hours * 3600);
    await deliver(world.deps, world.scene.remind('RAPPEL_J1', ['a']));
    for (let round = 0; round < 30; round++) await world.pass(3600);
    // Evidence is looked for by the words of the attempt, a day later too.
    expect(counted).toEqual([daysLeft, daysLeft]);
  });

  it.each([
    ['RAPPEL_J2', 120, { daysLeft: 4, daysLeftAtMost: 6 }],
    ['RAPPEL_2H', 222, { minutesLeft: 90 }],
  ] as const)('says of loans told together what is left of each, in a %s', async (type, hours, left) => {
    const models: unknown[] = [];
    const world = createWorld({ fate: ({ model }) => { models.push(model); return { kind: 'take' }; } });
    await world.scene.borrower(jean);
    await world.scene.lend('a', 'jean', { due: { date: '2026-12-10', time: '17:30', zone: 'Europe/Paris' } });
    await world.scene.lend('b', 'jean', { due: { date: '2026-12-12', time: '09:00', zone: 'Europe/Paris' } });
    await world.pass(hours * 3600);
    await deliver(world.deps, world.scene.remind(type, ['a', 'b']));
    expect(models).toEqual([expect.objectContaining(left)]);
  });

  it('keeps each loan of a common message in its own conversation', async () => {
    const world = createWorld();
    await world.scene.borrower(jean);
    const lent = [await world.scene.lend('a', 'jean'), await world.scene.lend('b', 'jean'), await world.scene.lend('c', 'jean')];
    const extended = await world.scene.reschedule('c', { date: '2026-12-10', time: '17:30', zone: 'Europe/Paris' });
    const reminder = world.scene.remind('RAPPEL_J1', ['a', 'b', 'c']);
    await deliver(world.deps, { ...reminder, event: { ...reminder.event, correlationid: lent[0]!.event.correlationid! } });
    const told = (await world.store.readAll({ categories: ['notification'], limit: 100 })).filter(({ type }) => type === 'AttemptAccepted')
      .map(({ data, metadata }) => [(data as { notification: { attributionId: string } }).notification.attributionId, metadata.correlationId]);
    expect(Object.fromEntries(told)).toEqual({ a: lent[0]!.event.correlationid, b: lent[1]!.event.correlationid, c: extended.event.correlationid });
  });

  it('tells companions together whichever notice comes first, and each once', async () => {
    const world = createWorld();
    await world.scene.borrower(jean);
    for (const loan of ['a', 'b']) await world.scene.lend(loan, 'jean', { code: loan.toUpperCase() });
    const first = await world.scene.late('a', { companions: ['a', 'b'] });
    expect(await deliver(world.deps, first)).toMatchObject({ kind: 'retry' });
    const second = await world.scene.late('b', { companions: ['a', 'b'] });
    await deliver(world.deps, second);
    await deliver(world.deps, first);
    expect(world.provider.taken).toMatchObject([{ codes: ['A', 'B'], type: 'RETARD' }]);
  });

  it('tells companions that are late again, again', async () => {
    const world = createWorld();
    await world.scene.borrower(jean);
    for (const loan of ['a', 'b']) await world.scene.lend(loan, 'jean', { code: loan.toUpperCase() });
    for (const occurrence of [1, 2]) {
      await world.pass(86_400);
      const notices = [];
      for (const loan of ['a', 'b']) notices.push(await world.scene.late(loan, { occurrence, companions: ['a', 'b'] }));
      for (const notice of notices) await deliver(world.deps, notice);
    }
    expect(world.provider.taken).toMatchObject([{ codes: ['A', 'B'], type: 'RETARD' }, { codes: ['A', 'B'], type: 'RETARD' }]);
  });

  it('records an unusable number as a permanent failure without an attempt', async () => {
    const world = createWorld();
    await deliver(world.deps, await created(world, { borrowerId: 'jean', phone: 'invalid_phone' }));
    const notification = await only(world);
    expect(statusOf(notification)).toBe('ECHEC_PERMANENT');
    expect(notification).toMatchObject({ attempts: 0, error: { text: 'Invalid recipient phone number' } });
  });

  it('says once why nobody was told, and leaves to the other channel what is its', async () => {
    const whatsapp = createWorld();
    await deliver(whatsapp.deps, await created(whatsapp, { ...jean, preferences: { email: false, whatsapp: false } }));
    expect(await only(whatsapp)).toMatchObject({ phase: 'skipped', skipped: 'preference' });
    const other = createWorld({ config: { channels: { preferred: 'EMAIL' } } });
    expect(await deliver(other.deps, await created(other))).toMatchObject({ kind: 'ignore' });
    expect(await other.all()).toEqual([]);
  });

  it('gives up at once what no second try can mend', async () => {
    const world = createWorld({ fate: () => ended });
    await deliver(world.deps, await created(world));
    expect(await only(world)).toMatchObject({ phase: 'given-up', attempts: 1, error: ended.failure });
  });

  it('takes over from a worker that died with an attempt under way', async () => {
    const world = createWorld();
    const message = await created(world);
    const dying = { ...world.deps, provider: { ...world.provider, send: () => new Promise<never>(() => undefined) } };
    void deliver(dying, message);
    await new Promise((resolve) => { setImmediate(resolve); });
    await deliver(world.deps, { ...message, deliveries: 2 });
    expect(await only(world)).toMatchObject({ phase: 'attempting' });
    for (let round = 0; round < 80; round++) await world.pass(1);
    expect(await only(world)).toMatchObject({ phase: 'accepted', attempts: 1, started: 2 });
    expect(world.provider.taken).toHaveLength(1);
  });
});
