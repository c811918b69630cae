import { describe, expect, it } from '@jest/globals';
import { classifySmtp, classifyTwilio, reactions, smtpRows, twilioCodes } from './error-classes.ts';

// One line per row of the table that operators read; a row that is added or moved must be added or moved here.
const twilio: readonly (readonly [string, readonly number[]])[] = [
  ['RECIPIENT', [21211, 21612, 21614, 63003, 63024, 63032]],
  ['SUPPRESSED', [21610, 63014]],
  ['CONTENT', [21654, 21656, 21658, 63005, 63006, 63013, 63016, 63021, 63027, 63028]],
  ['CONFIG', [20003, 20404, 21606, 21608, 63002, 63007, 63008, 63015]],
  ['TRANSIENT', [63012, 63023, 30021]],
  ['THROTTLE', [20429, 21611, 30001, 63017, 63018, 63038, 60728]],
];

describe('Twilio’s codes', () => {
  for (const [errorClass, codes] of twilio) it.each(codes)(`%i is ${errorClass}`, (code) => expect(classifyTwilio({ code: String(code), status: 400 })).toEqual({ class: errorClass, listed: true }));
  it('has no row that is not tested', () => expect(twilioCodes.size).toBe(twilio.flatMap(([, codes]) => codes).length));
  it.each([
    [{ status: 429 }, 'THROTTLE', true], [{ status: 401 }, 'CONFIG', true], [{ status: 403 }, 'CONFIG', true],
    [{ status: 400, code: '99999' }, 'CONTENT', false], [{ status: 500 }, 'UNKNOWN', true], [{ status: 503, code: '20500' }, 'UNKNOWN', true],
    [{}, 'UNKNOWN', true], [{ written: false }, 'TRANSIENT', true], [{ status: 302 }, 'UNKNOWN', false],
  ] as const)('%j is %s', (answer, errorClass, listed) => expect(classifyTwilio(answer)).toMatchObject({ class: errorClass, listed }));
});

describe('SMTP replies', () => {
  it.each([
    [{ code: 'EAUTH', reply: 535, response: '535 5.7.8 bad login', afterData: false }, 'CONFIG'],
    ...['EAUTH', 'ETLS'].map((code) => [{ code, reply: 454, response: '454 4.7.0 try later', afterData: false }, 'TRANSIENT'] as const),
    [{ code: 'ETLS', reply: 502, response: '502 5.5.1 what?', afterData: false }, 'CONFIG'], [{ code: 'ETLS', reply: 421, afterData: false }, 'THROTTLE'],
    [{ code: 'EPROTOCOL', reply: 554, response: '554 not you', afterData: false }, 'CONFIG'], [{ code: 'EPROTOCOL', reply: 450, afterData: false }, 'TRANSIENT'],
    ...['ENOAUTH', 'EOAUTH2', 'ETLS', 'ECONFIG'].map((code) => [{ code, afterData: false }, 'CONFIG'] as const),
    [{ reply: 535, afterData: false }, 'CONFIG'], [{ reply: 530, afterData: false }, 'CONFIG'], [{ reply: 454, afterData: false }, 'TRANSIENT'],
    [{ reply: 421, response: '421 4.3.0 busy', afterData: false }, 'THROTTLE'],
    [{ reply: 450, response: '450 4.7.1 too many', afterData: false }, 'THROTTLE'],
    [{ reply: 552, response: '552 5.2.2 mailbox full', afterData: false }, 'TRANSIENT'],
    ...['5.1.1', '5.1.2', '5.1.3', '5.1.6', '5.1.10', '5.2.1', '5.4.4'].map((enhanced) => [{ reply: 550, response: `550 ${enhanced} no`, afterData: false }, 'RECIPIENT'] as const),
    [{ reply: 550, response: '550 5.7.1 refused', afterData: false }, 'CONFIG'],
    [{ reply: 554, response: '554 5.6.0 bad message', afterData: true }, 'CONTENT'],
    ...[553, 551, 556].map((reply) => [{ reply, afterData: false }, 'RECIPIENT'] as const),
    [{ reply: 550, response: '550 no such user', afterData: false }, 'RECIPIENT'],
    [{ reply: 552, afterData: false }, 'TRANSIENT'],
    ...[450, 451, 452].map((reply) => [{ reply, afterData: false }, 'TRANSIENT'] as const),
    [{ code: 'EMESSAGE', reply: 550, afterData: true }, 'CONTENT'],
    [{ reply: 554, afterData: false }, 'CONTENT'],
    [{ reply: 499, afterData: false }, 'TRANSIENT'], [{ reply: 599, afterData: false }, 'CONTENT'],
    ...['ECONNECTION', 'EDNS', 'ESOCKET', 'ETIMEDOUT', 'EPROXY'].flatMap((code) => [[{ code, afterData: false }, 'TRANSIENT'] as const, [{ code, afterData: true }, 'UNKNOWN'] as const]),
    [{ code: 'EWHAT', afterData: false }, 'TRANSIENT'], [{ code: 'EWHAT', afterData: true }, 'UNKNOWN'],
  ] as const)('%j is %s', (failure, errorClass) => expect(classifySmtp(failure).class).toBe(errorClass));

  it('has no row that nothing reaches', () => {
    for (const row of smtpRows) {
      const reply = row.reply === undefined ? undefined : Number(row.reply.padEnd(3, '9'));
      const enhanced = row.enhanced?.endsWith('.') ? `${row.enhanced}9` : row.enhanced;
      const failure = { code: row.code, reply, response: enhanced && `${reply ?? 550} ${enhanced} text`, afterData: row.afterData ?? false };
      expect([row, classifySmtp(failure).class]).toEqual([row, row.class]);
    }
  });
});

describe('what follows', () => {
  it.each([
    ['RECIPIENT', 'give-up', 'yes', true], ['SUPPRESSED', 'give-up', 'yes', true], ['CONTENT', 'give-up', 'yes', true], ['CONFIG', 'wait', 'first', true],
    ['TRANSIENT', 'retry', 'yes', false], ['THROTTLE', 'wait', 'no', true], ['UNKNOWN', 'settle', 'yes', false],
  ] as const)('%s: %s, spends %s, certainly never arrived: %s', (errorClass, next, spends, neverArrived) => expect(reactions[errorClass]).toMatchObject({ next, spends, neverArrived }));
});
