import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { publicEvents } from '@rappel/contracts';
import type { Message } from '@rappel/messaging';
import { announceNotification, deliver, failedOnes, fallBack, notificationStream, rebuildWaiting, replay, replayAll, resolve, storeReceipt, suppress, takeReceipt, whyNot } from '../src/index.ts';
import { createWorld, type World } from './world.ts';

const jean = { borrowerId: 'jean', phone: '0612345678', email: 'jean@example.org' };
const unreachable = { kind: 'failed', failure: { class: 'RECIPIENT', code: '63024', text: 'Twilio API error 63024: not on WhatsApp' } } as const;
const decision = { actor: 'operator:alice', why: 'the template is mended' };
const healing = ['RECIPIENT', 'SUPPRESSED', 'TRANSIENT'] as const;

/** The two services on one store. */
function services(whatsappFate: NonNullable<Parameters<typeof createWorld>[0]>['fate'] = () => unreachable) {
  const whatsapp = createWorld({ fate: whatsappFate });
  const email = createWorld({ channel: 'EMAIL', store: whatsapp.store });
  return { whatsapp, email };
}
async function announced(world: World, type: keyof typeof publicEvents): Promise<Message[]> {
  const events = await world.store.readAll({ categories: ['notification'], limit: 1000 });
  return events.flatMap((event) => {
    const announcement = announceNotification(event);
    return announcement?.subject === publicEvents[type].subject ? [{ ...announcement, deliveries: 1 }] : [];
  });
}
async function failedLoan(world: World, loan = 'loan-1'): Promise<string> {
  await world.scene.borrower(jean);
  await deliver(world.deps, await world.scene.lend(loan, 'jean'));
  const failed = (await world.all()).find(({ identity }) => identity?.attributionId === loan);
  return failed!.identity!.notificationId;
}

describe('fallback', () => {
  it('sends an email instead, linked to what it replaces, once', async () => {
    const { whatsapp, email } = services();
    const id = await failedLoan(whatsapp);
    const [message] = await announced(whatsapp, 'NotificationGivenUp');
    await Promise.all([fallBack(email.deps, message!, healing), fallBack(email.deps, message!, healing)]);
    await fallBack(email.deps, { ...message!, deliveries: 2 }, healing);
    expect(email.provider.taken).toMatchObject([{ recipient: 'jean@example.org', type: 'CREATION' }]);
    const stood = await whatsapp.state(id);
    expect(await email.state(stood.replacedBy!)).toMatchObject({ phase: 'accepted', requested: { replaces: id } });
    await expect(replay(whatsapp.deps, id, decision)).rejects.toMatchObject({ code: 'replaced' });
  });

  it('follows a receipt that says it did not arrive', async () => {
    const { whatsapp, email } = services(() => ({ kind: 'take' }));
    const id = await failedLoan(whatsapp);
    const { identity } = await whatsapp.state(id);
    await storeReceipt(whatsapp.store, { notification: identity!, providerId: 'SM1', delivery: 'undelivered', code: '63024', at: whatsapp.now() });
    const [message] = await announced(whatsapp, 'NotificationDelivery');
    await fallBack(email.deps, message!, healing);
    expect(email.provider.taken).toHaveLength(1);
  });

  it('leaves alone whom email cannot or should not reach', async () => {
    for (const preferences of [{ fallback: false }, { email: false }]) {
      const { whatsapp, email } = services();
      await whatsapp.scene.borrower({ ...jean, preferences });
      await deliver(whatsapp.deps, await whatsapp.scene.lend('loan-1', 'jean'));
      const [message] = await announced(whatsapp, 'NotificationGivenUp');
      expect(await fallBack(email.deps, message!, healing)).toMatchObject({ kind: 'ignore' });
      expect(email.provider.taken).toEqual([]);
    }
    const { whatsapp, email } = services();
    await failedLoan(whatsapp);
    const [message] = await announced(whatsapp, 'NotificationGivenUp');
    expect(await fallBack(email.deps, message!, ['TRANSIENT'])).toMatchObject({ kind: 'ignore' });
  });

  it('says when it left a suppressed address alone, once', async () => {
    const { whatsapp, email } = services();
    const id = await failedLoan(whatsapp);
    await suppress(whatsapp.store, { borrowerId: 'jean', channel: 'EMAIL', kind: 'opt-out', source: 'link', at: whatsapp.now(), commandId: 'one' });
    const [message] = await announced(whatsapp, 'NotificationGivenUp');
    for (const deliveries of [1, 2]) expect(await fallBack(email.deps, { ...message!, deliveries }, healing)).toMatchObject({ kind: 'ignore' });
    const skips = (await whatsapp.store.readAll({ categories: ['notification'], limit: 100 })).filter(({ type }) => type === 'NotificationSkipped');
    expect(skips.map(({ data }) => data)).toMatchObject([{ channel: 'EMAIL', reason: 'suppressed', detail: `instead of ${id}` }]);
    expect([email.provider.taken, (await whatsapp.state(id)).replacedBy]).toEqual([[], undefined]);
  });

  it('never does both, whoever is faster: replay or fallback', async () => {
    for (let round = 0; round < 20; round++) {
      let healed = false;
      const { whatsapp, email } = services(() => (healed ? { kind: 'take' } : unreachable));
      const id = await failedLoan(whatsapp);
      const [message] = await announced(whatsapp, 'NotificationGivenUp');
      healed = true;
      await Promise.allSettled([replay(whatsapp.deps, id, decision), fallBack(email.deps, message!, healing)]);
      await whatsapp.pass(40);
      expect(whatsapp.provider.taken.length + email.provider.taken.length).toBe(1);
    }
  });
});

describe('replay', () => {
  it('arms a failed one again, once, with who and why', async () => {
    let broken = true;
    const world = createWorld({ fate: () => (broken ? unreachable : { kind: 'take' }) });
    const id = await failedLoan(world);
    broken = false;
    const results = await Promise.allSettled([replay(world.deps, id, decision), replay(world.deps, id, { ...decision, actor: 'operator:bob' })]);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    await world.pass(1);
    await world.pass(40);
    expect(world.provider.taken).toHaveLength(1);
    expect(await world.state(id)).toMatchObject({ phase: 'accepted', attempts: 2 });
    const events = await world.store.readStream(notificationStream(id));
    expect(events.find(({ type }) => type === 'NotificationReplayed')?.data).toMatchObject({ why: 'the template is mended' });
    await expect(replay(world.deps, id, decision)).rejects.toMatchObject({ code: 'not-failed' });
  });

  it('has a message sent again that was taken and that a receipt says never arrived, once, by whoever is first', async () => {
    const world = createWorld();
    const ids = [await failedLoan(world, 'one'), await failedLoan(world, 'two')];
    const receipt = async (id: string, attempt: number, delivery: 'undelivered' | 'sent' | 'delivered', code?: string) => {
      const { identity } = await world.state(id);
      const attemptId = world.provider.taken.filter(({ notificationId }) => notificationId === id)[attempt]!.attemptId;
      await storeReceipt(world.store, { notification: identity!, attemptId, providerId: `SM-${attempt}`, delivery, code, at: world.now() });
    };
    await receipt(ids[0]!, 0, 'undelivered', '63007');
    await receipt(ids[1]!, 0, 'undelivered', '63012');
    expect((await failedOnes(world.deps, { class: 'CONFIG' })).map(({ identity }) => identity!.notificationId)).toEqual([ids[0]]);
    expect(await failedOnes(world.deps, { code: '63012' })).toEqual([]);
    const found = await failedOnes(world.deps, { class: 'CONFIG' });
    const results = await Promise.all([replayAll(world.deps, found, decision), replayAll(world.deps, await failedOnes(world.deps, { ids }), { ...decision, actor: 'operator:bob' })]);
    expect(results.flatMap(({ replayed }) => replayed)).toEqual([ids[0]]);
    // Twilio tells the first message's earlier receipt late.
    await receipt(ids[0]!, 0, 'sent');
    await world.pass(40);
    expect(world.provider.taken.map(({ notificationId }) => notificationId)).toEqual([ids[0], ids[1], ids[0]]);
    expect(await world.state(ids[0]!)).toMatchObject({ phase: 'accepted', attempts: 2, providerId: 'SM3', delivery: undefined });
    await receipt(ids[0]!, 1, 'delivered');
    expect(await world.state(ids[0]!)).toMatchObject({ phase: 'accepted', delivery: 'delivered' });
    await expect(replay(world.deps, ids[0]!, decision)).rejects.toMatchObject({ code: 'not-failed' });
  });

  it('counts what a filter means before it replays exactly that', async () => {
    const world = createWorld({ fate: ({ about }) => (about.attributionId === 'other' ? { kind: 'failed', failure: { class: 'CONTENT', code: '63013', text: 'x' } } : unreachable) });
    const ids = [await failedLoan(world, 'one'), await failedLoan(world, 'two')];
    await failedLoan(world, 'other');
    expect((await failedOnes(world.deps, { class: 'RECIPIENT' })).map(({ identity }) => identity!.notificationId).toSorted()).toEqual(ids.toSorted());
    expect(await failedOnes(world.deps, { type: 'RETARD' })).toEqual([]);
    expect(await failedOnes(world.deps, { from: '2026-12-02T00:00:00.000Z' })).toEqual([]);
    const { replayed } = await replayAll(world.deps, await failedOnes(world.deps, { class: 'RECIPIENT', type: 'CREATION' }), decision);
    expect(replayed.toSorted()).toEqual(ids.toSorted());
    expect(world.waiting.rows()).toHaveLength(2);
    expect(await whyNot(world.deps, [ids[0]!, '00000000-0000-4000-8000-000000000000'], [])).toEqual([{ notificationId: ids[0], reason: 'not-failed' }]);
  });
});

describe('operators', () => {
  it('say what became of a held message', async () => {
    const world = createWorld({ channel: 'EMAIL', fate: () => ({ kind: 'lost' }), settle: async () => ({ kind: 'held', evidence: 'policy-hold' }) });
    const id = await failedLoan(world);
    await world.pass(3);
    expect(await world.state(id)).toMatchObject({ phase: 'held' });
    await resolve(world.deps, id, { ...decision, verdict: 'sent' });
    expect(await world.state(id)).toMatchObject({ phase: 'accepted' });
    await expect(resolve(world.deps, id, { ...decision, verdict: 'not-sent' })).rejects.toMatchObject({ code: 'not-open' });
  });

  it('find everything that waits again from the events alone', async () => {
    const world = createWorld({ fate: () => ({ kind: 'failed', failure: { class: 'TRANSIENT', text: 'later' } }) });
    await failedLoan(world);
    const [row] = world.waiting.rows();
    await world.waiting.finish((await world.waiting.claim({ limit: 1, leaseMs: 1000, now: '2027-01-01T00:00:00.000Z' }))[0]!);
    expect(world.waiting.rows()).toEqual([]);
    expect(await rebuildWaiting(world.deps)).toBe(1);
    expect(world.waiting.rows()[0]).toMatchObject({ notificationId: row!.notificationId, notBefore: row!.notBefore });
  });
});

describe('suppression', () => {
  it('turns to the other channel, and says so when there is none; a new address ends a dead one', async () => {
    const { whatsapp, email } = services(() => ({ kind: 'take' }));
    await whatsapp.scene.borrower(jean);
    await suppress(whatsapp.store, { borrowerId: 'jean', channel: 'WHATSAPP', kind: 'dead-address', source: '63024', address: '0612345678', at: whatsapp.now(), commandId: 'one' });
    const message = await whatsapp.scene.lend('loan-1', 'jean');
    await deliver(whatsapp.deps, message);
    await deliver({ ...email.deps, config: { ...email.deps.config, channels: { preferred: 'WHATSAPP' } } }, message);
    expect([whatsapp.provider.taken.length, email.provider.taken.length]).toEqual([0, 1]);
    await whatsapp.scene.borrower({ ...jean, email: undefined });
    await deliver(whatsapp.deps, await whatsapp.scene.lend('loan-2', 'jean'));
    expect((await whatsapp.all()).map(({ skipped }) => skipped)).toContain('suppressed');
    await whatsapp.scene.borrower({ ...jean, phone: '0698765432' });
    await deliver(whatsapp.deps, await whatsapp.scene.lend('loan-3', 'jean'));
    expect(whatsapp.provider.taken).toMatchObject([{ recipient: '+33698765432' }]);
  });
});

describe('receipts', () => {
  it('leave the same log in any order, and a code is never erased', async () => {
    const receipts = [{ delivery: 'sent' }, { delivery: 'failed', code: '63024' }, { delivery: 'delivered' }, { delivery: 'read' }] as const;
    for (const order of [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2, 2, 1]]) {
      const world = createWorld();
      const id = await failedLoan(world);
      const { identity } = await world.state(id);
      for (const index of order) await storeReceipt(world.store, { notification: identity!, providerId: 'SM1', at: world.now(), ...receipts[index]! });
      expect(await world.state(id)).toMatchObject({ phase: 'accepted', delivery: 'read', deliveryCode: '63024' });
      expect(await world.types(id)).toHaveLength(7);
      const events = await world.store.readStream(notificationStream(id));
      const read = events.find(({ data }) => (data as { delivery?: string }).delivery === 'read');
      expect(announceNotification(read!)!.event.correlationid).toBe(events[0]!.metadata.correlationId);
    }
  });

  it.each([false, true])('about a notification that is not here leave nothing behind and pause nothing (told with others: %s)', async (grouped) => {
    const world = createWorld();
    const { identity } = await world.state(await failedLoan(world));
    const events = await world.store.readAll({ limit: 100 });
    const notification = { ...identity!, notificationId: randomUUID(), attributionId: 'elsewhere' };
    expect(await takeReceipt(world.deps, { notification, grouped, providerId: 'SM1', delivery: 'failed', code: '63007', at: world.now() })).toEqual({ isKnown: false, isNew: false });
    expect(await world.store.readAll({ limit: 100 })).toEqual(events);
  });

  it('prove an attempt whose outcome nobody recorded', async () => {
    const world = createWorld({ fate: () => ({ kind: 'lost' }), settle: async () => ({ kind: 'undecided', afterMs: 1000 }) });
    const id = await failedLoan(world);
    const { identity, attempt } = await world.state(id);
    await storeReceipt(world.store, { notification: identity!, attemptId: attempt!.id, providerId: 'SM77', delivery: 'delivered', at: world.now() });
    await world.pass(5);
    expect(await world.state(id)).toMatchObject({ phase: 'accepted', providerId: 'SM77' });
    expect(world.provider.taken).toHaveLength(1);
  });
});
