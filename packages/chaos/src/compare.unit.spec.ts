import { describe, expect, test } from '@jest/globals';
import type { RecordedEvent } from '@rappel/event-store';
import { compare, type Testimony } from './compare.ts';
import type { LogRow } from './evidence.ts';

const AT = '2026-03-27T08:00:00.000Z';
const recorded = (stream: string, type: string, data: object): RecordedEvent =>
  ({ id: `${stream}/${type}`, stream, type, data, metadata: {}, version: 1, checkpoint: '1', recordedAt: AT });
const loan = { attributionId: 'L', borrowerId: 'B', dueVersion: 1 };
const identity = (channel: string) => ({ notificationId: channel, attributionId: 'L', borrowerId: 'B', type: 'CREATION', channel, dueVersion: 1, occurrence: 1 });
const sent = (channel: string): RecordedEvent[] => [
  recorded(`notification-${channel}`, 'NotificationRequested', { ...identity(channel), at: AT }),
  recorded(`notification-${channel}`, 'AttemptStarted', { attemptId: 'a', number: 1, leaseUntil: AT, at: AT }),
  recorded(`notification-${channel}`, 'AttemptAccepted', { attemptId: 'a', providerId: `<${channel}>`, attempts: 1, at: AT }),
];
const row = (channel: 'EMAIL' | 'WHATSAPP', over: Partial<LogRow> = {}): LogRow => ({
  notificationId: channel, attributionId: 'L', type: 'CREATION', channel, dueVersion: 1, occurrence: 1, status: 'ENVOYEE', phase: 'accepted',
  attempts: 1, leader: null, errorText: null, skipReason: null, providerId: `<${channel}>`, sentAt: AT, ...over,
});
const arrival = (channel: 'EMAIL' | 'WHATSAPP') => ({ channel, notificationId: channel, providerId: channel, at: Date.parse(AT) + 500 });

const sound: Testimony = {
  events: [recorded('attribution-L', 'AttributionCreated', { loan, at: AT }), ...sent('EMAIL'), ...sent('WHATSAPP')],
  rows: [row('EMAIL'), row('WHATSAPP')],
  arrivals: [arrival('EMAIL'), arrival('WHATSAPP')],
  loans: [{ attributionId: 'L', reach: 'both', fate: 'returned', events: [] }],
  ledger: [{ attributionId: 'L', type: 'AttributionCreated', ackedAt: Date.parse(AT) }],
  refusals: [], healedAt: [Date.parse(AT) + 100], fallen: [],
};
const resent = recorded('notification-EMAIL', 'AttemptSettled', { attemptId: 'a', verdict: 'not-sent', evidence: 'policy-resend', spent: false, at: AT });
const failing = (over: Partial<Testimony>): string[] => compare({ ...sound, ...over }).checks.filter(({ wrong }) => wrong.length > 0).map(({ what }) => what);

describe('the comparison after the storm', () => {
  test('passes when all witnesses agree', () => {
    const { figures, good } = compare(sound);
    expect(good).toBe(true);
    expect(figures).toMatchObject({ loans: 1, commands: 1, expected: 2, received: 2, lost: 0, doubledWhatsapp: 0, doubledEmail: 0, longestRecovery: 0.4 });
  });

  test.each([
    ['an acknowledged command that is not stored', { ledger: [...sound.ledger, { attributionId: 'M', type: 'AttributionCreated' as const, ackedAt: 0 }] }, 'everything acknowledged is stored, once'],
    ['a command stored twice', { events: [...sound.events, sound.events[0]!] }, 'everything acknowledged is stored, once'],
    ['a kept loan that was never late', { loans: [{ ...sound.loans[0]!, fate: 'kept' as const }] }, 'everything acknowledged is stored, once'],
    ['a message that the log does not have', { rows: [row('EMAIL')] }, 'nothing is lost'],
    ['a message that never came', { arrivals: [arrival('EMAIL')] }, 'nothing is lost'],
    ['a message that is still open', { rows: [row('EMAIL'), row('WHATSAPP', { status: 'EN_ATTENTE', phase: 'unknown' })] }, 'nothing is lost'],
    ['a message skipped without a good reason', { rows: [row('EMAIL'), row('WHATSAPP', { status: null, phase: 'skipped', skipReason: 'too-late' })] }, 'nothing is lost'],
    ['a WhatsApp message that came twice', { arrivals: [...sound.arrivals, { ...arrival('WHATSAPP'), providerId: 'other' }] }, 'no WhatsApp message came twice'],
    ['an email that came twice', { arrivals: [...sound.arrivals, arrival('EMAIL')] }, 'no email came twice, but for what the policy allows'],
    ['a message on a channel that nobody asked for', { loans: [{ ...sound.loans[0]!, reach: 'email' as const }] }, 'whatever came was expected, on the right channel'],
    ['a message that the log does not know', { arrivals: [...sound.arrivals, { ...arrival('EMAIL'), notificationId: 'x' }] }, 'whatever came was expected, on the right channel'],
    ['a log that counts other attempts than the events', { rows: [row('EMAIL', { attempts: 2 }), row('WHATSAPP')] }, 'the log says what the events say'],
    ['a service that ended by itself', { fallen: ['email-1'] }, 'no service ended by itself'],
  ])('finds %s', (_, over, what) => {
    expect(failing(over)).toContain(what);
  });

  test('lets an email come twice where the policy sent it again, and counts it', () => {
    const { checks, figures } = compare({ ...sound, events: [...sound.events, resent], arrivals: [...sound.arrivals, arrival('EMAIL')] });
    expect(checks.find(({ what }) => what.startsWith('no email'))!.wrong).toEqual([]);
    expect(figures).toMatchObject({ doubledEmail: 0, doubledByPolicy: 1, settled: { 'not-sent by policy-resend': 1 } });
  });
});
