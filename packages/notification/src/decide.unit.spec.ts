import { describe, expect, it } from '@jest/globals';
import type { RecordedEvent } from '@rappel/event-store';
import { decide, type NotificationCommand } from './decide.ts';
import type { NotificationEvent } from './events.ts';
import { notificationFold, statusOf } from './notification.ts';

const at = '2026-12-01T09:00:00.000Z';
const identity = { notificationId: 'n', attributionId: 'loan-1', borrowerId: 'jean', type: 'RAPPEL_J1', channel: 'WHATSAPP', dueVersion: 1, occurrence: 1 } as const;
const retry = { attempts: 3, delays: [60, 300] };
const requested: NotificationEvent = { type: 'NotificationRequested', data: { ...identity, dueFrom: at, at } };
const started = (number = 1): NotificationEvent => ({ type: 'AttemptStarted', data: { attemptId: `a${number}`, number, leaseUntil: at, at } });
const failed = (number = 1, spent = true): NotificationEvent => ({ type: 'AttemptFailed', data: { attemptId: `a${number}`, class: 'TRANSIENT', text: 'x', spent, retryAt: at, at } });
const accepted = (number = 1): NotificationEvent => ({ type: 'AttemptAccepted', data: { notification: identity, attemptId: `a${number}`, providerId: 'SM1', attempts: number, at } });
const unknown = (cause: 'provider' | 'crash', number = 1): NotificationEvent => ({ type: 'AttemptUnknown', data: { attemptId: `a${number}`, cause, text: 'x', at } });
const skipped: NotificationEvent = { type: 'NotificationSkipped', data: { ...identity, reason: 'returned', at } };
const givenUp: NotificationEvent = { type: 'NotificationGivenUp', data: { notification: identity, class: 'CONTENT', text: 'x', attempts: 1, at } };
const receipt = (delivery: 'delivered' | 'failed' = 'delivered'): NotificationEvent => ({ type: 'DeliveryReported', data: { notification: identity, receiptId: 'r', providerId: 'SM1', attemptId: 'a1', delivery, at } });

const fold = (events: readonly NotificationEvent[]) => events.reduce((state, event) => notificationFold.evolve(state, event as unknown as RecordedEvent), notificationFold.initial);
const given = (...events: NotificationEvent[]) => ({ when: (command: NotificationCommand) => ({ gives: (...types: string[]) => {
  const decided = decide(command, fold(events));
  expect(decided.map(({ type }) => type)).toEqual(types);
  return decided.map(({ data }) => data as unknown as Record<string, unknown>);
} }) });
const start = { type: 'StartAttempt', attemptId: 'a9', leaseUntil: at, at } as const;
const fail = (errorClass: 'TRANSIENT' | 'CONFIG' | 'THROTTLE' | 'CONTENT' | 'UNKNOWN', attemptId = 'a1') => ({ type: 'RecordFailed', attemptId, failure: { class: errorClass, text: 'x' }, retry, at }) as const;
const settle = (verdict: 'sent' | 'not-sent' | 'held', attemptId = 'a1') => ({ type: 'Settle', attemptId, verdict, evidence: 'provider-list', retry, at }) as const;

describe('a notification', () => {
  it('is requested once', () => {
    given().when({ type: 'Request', request: { identity, dueFrom: at }, at }).gives('NotificationRequested');
    given(requested).when({ type: 'Request', request: { identity, dueFrom: at }, at }).gives();
  });
  it('is skipped before or after it was requested, never once it was tried or sent', () => {
    const skip = { type: 'Skip', identity, reason: 'returned', at } as const;
    given().when(skip).gives('NotificationSkipped');
    given(requested).when(skip).gives('NotificationSkipped');
    given(requested, started(), accepted()).when(skip).gives();
    given(skipped).when(skip).gives();
  });
  it('starts one attempt at a time, and none when it is over, replaced or proven sent', () => {
    given(requested).when(start).gives('AttemptStarted');
    given(requested, started(), failed()).when(start).gives('AttemptStarted');
    for (const over of [[requested, started()], [requested, started(), accepted()], [requested, started(), unknown('provider')], [requested, givenUp], [skipped], [requested, started(), receipt(), failed()]]) given(...over).when(start).gives();
  });
});

describe('an attempt', () => {
  it('that can heal is tried again after the next delay, and the third ends it', () => {
    expect(given(requested, started()).when(fail('TRANSIENT')).gives('AttemptFailed')).toMatchObject([{ spent: true, retryAt: '2026-12-01T09:01:00.000Z' }]);
    expect(given(requested, started(), failed(), started(2)).when(fail('TRANSIENT', 'a2')).gives('AttemptFailed')).toMatchObject([{ retryAt: '2026-12-01T09:05:00.000Z' }]);
    expect(given(requested, started(), failed(), started(2), failed(2), started(3)).when(fail('TRANSIENT', 'a3')).gives('AttemptFailed', 'NotificationGivenUp')).toMatchObject([{}, { attempts: 3 }]);
  });
  it('on a bad configuration counts the first time only; on a throttled channel never', () => {
    expect(given(requested, started()).when(fail('CONFIG')).gives('AttemptFailed')).toMatchObject([{ spent: true }]);
    expect(given(requested, started(), failed(), started(2)).when(fail('CONFIG', 'a2')).gives('AttemptFailed')).toMatchObject([{ spent: false }]);
    expect(given(requested, started()).when(fail('THROTTLE')).gives('AttemptFailed')).toMatchObject([{ spent: false }]);
  });
  it('that no second try can mend ends it at once', () => { given(requested, started()).when(fail('CONTENT')).gives('AttemptFailed', 'NotificationGivenUp'); });
  it('with an unknown outcome is settled, not repeated', () => {
    given(requested, started()).when(fail('UNKNOWN')).gives('AttemptUnknown');
    given(requested, started(), unknown('provider')).when(settle('sent')).gives('AttemptSettled');
    given(requested, started(), unknown('provider')).when(settle('held')).gives('AttemptSettled');
    given(requested, started()).when(settle('not-sent')).gives();
  });
  it('that a crash kept from being sent costs nothing; one that the provider lost does', () => {
    expect(given(requested, started(), unknown('crash')).when(settle('not-sent')).gives('AttemptSettled')).toMatchObject([{ spent: false, attempts: 0 }]);
    expect(given(requested, started(), unknown('provider')).when(settle('not-sent')).gives('AttemptSettled')).toMatchObject([{ spent: true, attempts: 1 }]);
    given(requested, started(), failed(), started(2), failed(2), started(3), unknown('provider', 3)).when(settle('not-sent', 'a3')).gives('AttemptSettled', 'NotificationGivenUp');
  });
  it('accepted late is a fact, whatever was decided meanwhile, and accepted twice is one', () => {
    const late = { type: 'RecordAccepted', attemptId: 'a1', providerId: 'SM1', at } as const;
    given(requested, started(), unknown('crash')).when(late).gives('AttemptAccepted');
    given(requested, started(), failed(), started(2)).when(late).gives('AttemptAccepted');
    given(requested, started(), accepted()).when(late).gives();
  });
  it('of somebody else cannot be failed', () => { given(requested, started(), failed(), started(2)).when(fail('TRANSIENT', 'a1')).gives(); });
});

describe('a replay', () => {
  const replay = { type: 'Replay', replayId: 'r', actor: 'operator:alice', why: 'mended', at } as const;
  it('arms what has failed with all its attempts, and nothing else', () => {
    given(requested, started(), givenUp).when(replay).gives('NotificationReplayed');
    expect(fold([requested, started(), givenUp, { type: 'NotificationReplayed', data: replay }])).toMatchObject({ phase: 'ready', sinceArmed: 0, attempts: 1 });
    for (const events of [[], [requested], [requested, started(), accepted()], [skipped]]) expect(() => decide(replay, fold(events))).toThrow();
  });
  describe('of one that was taken', () => {
    const said = (delivery: 'sent' | 'undelivered' | 'delivered', code?: string, attemptId = 'a1'): NotificationEvent =>
      ({ type: 'DeliveryReported', data: { notification: identity, receiptId: 'r', providerId: 'SM1', attemptId, delivery, code, at } });
    const taken = [requested, started(), accepted()];
    const again: NotificationEvent = { type: 'NotificationReplayed', data: replay };
    it.each(['63007', '63016', '63024', '63014', '63018'])('is taken when a receipt leaves no doubt that it did not arrive (%s)', (code) => { given(...taken, said('undelivered', code)).when(replay).gives('NotificationReplayed'); });
    it.each([['sent', undefined], ['undelivered', undefined], ['undelivered', '63012'], ['undelivered', '99999']] as const)('is refused after %s %s', (delivery, code) => {
      expect(() => decide(replay, fold([...taken, said(delivery, code)]))).toThrow(/not-failed/);
    });
    it('is refused once it arrived after all', () => { expect(() => decide(replay, fold([...taken, said('undelivered', '63007'), said('delivered')]))).toThrow(/not-failed/); });
    it('starts another attempt, of which old receipts say nothing', () => {
      const armed = [...taken, said('undelivered', '63007'), again, said('sent')];
      expect(fold(armed)).toMatchObject({ phase: 'ready', sentAt: undefined, providerId: undefined });
      given(...armed).when(start).gives('AttemptStarted');
      const second = [...armed, started(2), said('undelivered', '63007')];
      expect(fold(second)).toMatchObject({ phase: 'attempting', attempts: 2, delivery: undefined, deliveryCode: undefined });
      expect(fold([...second, accepted(2), said('sent', undefined, 'a2')])).toMatchObject({ phase: 'accepted', delivery: 'sent', deliveryCode: undefined });
    });
    it('sends nothing when the old one turns out to have arrived in between', () => {
      const late = [...taken, said('undelivered', '63007'), again, said('delivered')];
      given(...late).when(start).gives();
      given(...late).when({ type: 'Settle', attemptId: 'a1', verdict: 'sent', evidence: 'receipt', retry, at }).gives('AttemptSettled');
    });
  });
  it('is refused once an email stands in for it', () => {
    expect(() => decide(replay, fold([requested, givenUp, { type: 'NotificationReplaced', data: { by: 'e', at } }]))).toThrow(/replaced/);
  });
});

describe('the status', () => {
  it.each([
    [[], undefined], [[requested], 'EN_ATTENTE'], [[requested, started()], 'EN_ATTENTE'], [[requested, started(), failed()], 'ECHEC'], [[requested, started(), unknown('crash')], 'EN_ATTENTE'],
    [[requested, started(), accepted()], 'ENVOYEE'], [[requested, started(), accepted(), receipt('failed')], 'ENVOYEE'], [[requested, givenUp], 'ECHEC_PERMANENT'], [[skipped], undefined],
    // What failed before it was taken is no news of the replay.
    [[requested, started(), failed(), started(2), accepted(2), receipt('failed'), { type: 'NotificationReplayed', data: { replayId: 'r', actor: 'operator:alice', why: 'mended', at } }], 'EN_ATTENTE'],
  ] as const)('of %# is %s', (events, status) => expect(statusOf(fold(events))).toBe(status));
});
