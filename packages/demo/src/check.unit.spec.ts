import { describe, expect, test } from '@jest/globals';
import { check, type LoggedNotification, type Received } from './check.ts';
import type { FleetLoan } from './fleet.ts';

const kinds = ['CREATION', 'RAPPEL_2H', 'RAPPEL_J2', 'RAPPEL_J1', 'RAPPEL_FINAL', 'RETARD', 'RESTITUTION'];
const row = (type: string, channel: string, over: Partial<LoggedNotification> = {}): LoggedNotification => ({
  notificationId: `${type}-${channel}`, attributionId: 'L', type, channel, status: 'ENVOYEE', skipReason: null,
  providerId: `<${type}-${channel}>`, sentAt: '2026-03-28T08:00:00.000Z', ...over,
});
const rows = kinds.flatMap((type) => [row(type, 'EMAIL'), row(type, 'WHATSAPP')]);
const received = rows.map(({ channel, providerId }) => ({ channel, providerId: providerId!.slice(1, -1) }) as Received);
const loan: FleetLoan = { attributionId: 'L', fate: 'late', reach: 'both', duration: 'LONG', overAt: '2026-03-29T08:00:00.000Z', events: [] };
const failing = (logged: LoggedNotification[], got: Received[], fleet = [loan], due: string[] = []) =>
  check(logged, got, { fleet, due }).checks.filter(({ wrong }) => wrong.length > 0).map(({ what }) => what);

describe('the check of the demonstration', () => {
  test('passes when log and arrivals agree', () => {
    expect(check(rows, received, { fleet: [loan], due: ['L RAPPEL_J1'] }).good).toBe(true);
  });

  test.each([
    ['a message that never arrived', rows, received.slice(1), 'what the log says was sent arrived'],
    ['a message that the log does not know', rows, [...received, { channel: 'EMAIL', providerId: 'x' } as Received], 'what arrived is in the log'],
    ['a message that came twice', rows, [...received, received[0]!], 'each arrived exactly once'],
    ['something that still waits', [...rows, row('CREATION', 'EMAIL', { status: 'EN_ATTENTE' })], received, 'everything is settled: nothing waits or may still be tried'],
    ['a kind that is missing', rows.slice(1), received.slice(1), 'all seven types went out on both channels'],
  ])('finds %s', (_, logged, got, what) => {
    expect(failing(logged, got)).toContain(what);
  });

  test('finds a reminder for a loan that was back', () => {
    expect(failing(rows, received, [{ ...loan, overAt: '2026-03-28T07:59:59.000Z' }])).toEqual(['no reminder for a loan that was back or cancelled']);
  });

  test('finds a loan that nothing was said about', () => {
    expect(failing(rows, received, [loan, { ...loan, attributionId: 'M' }])).toEqual(['every loan was dealt with: creation, return, lateness']);
  });

  test('finds a reminder that nobody took', () => {
    expect(failing(rows, received, [loan], ['L RAPPEL_J2', 'M RAPPEL_J2'])).toEqual(['every reminder that came due was dealt with']);
  });
});
