// Point by point what people and machines try in the fields of a loan: each is refused at the door or can do no harm behind it.
import { describe, expect, test } from '@jest/globals';
import { inboundTypes } from '@rappel/contracts';
import { createRenderer, type MessageModel } from '@rappel/templates';

const good = {
  attributionId: 'a-1', borrower: { id: 'b-1', firstName: 'Marie', lastName: 'Durand', email: 'marie@example.org', phone: '0612345678' },
  item: { code: 'PERC-001', name: 'Perceuse' }, duration: 'LONG', due: { date: '2027-01-10', time: '14:00', zone: 'Europe/Paris' },
};
type Loan = typeof good;
const { AttributionCreated } = inboundTypes;
const read = (value: unknown) => AttributionCreated.safeParse(value);
const borrower = (change: Record<string, unknown>): unknown => ({ ...good, borrower: { ...good.borrower, ...change } });
const item = (change: Record<string, unknown>): unknown => ({ ...good, item: { ...good.item, ...change } });
const due = (change: Record<string, unknown>): unknown => ({ ...good, due: { ...good.due, ...change } });
const deep = (depth: number): unknown => JSON.parse(`${'{"a":['.repeat(depth)}1${']}'.repeat(depth)}`);

test('the loan that all others are changed from is taken', () => {
  expect(read(good).success).toBe(true);
});

test.each<[what: string, value: unknown]>([
  ['header injection in an address', borrower({ email: 'marie@example.org\r\nBcc: all@example.org' })],
  ['header injection in a name', borrower({ firstName: 'Marie\nSubject: hello' })],
  ['header injection in an item', item({ code: 'A\rX: y' })],
  ['a NUL', borrower({ lastName: 'Du\u0000rand' })],
  ['an escape sequence for terminals', item({ name: '\u001b[2Jgone' })],
  ['a bidirectional override', item({ name: '\u202Egnp.exe' })],
  ['a bidirectional isolate', borrower({ firstName: '\u2066Marie\u2069' })],
  ['an Arabic letter mark', borrower({ firstName: 'Ma\u061Crie' })],
  ['a zero-width space', item({ name: 'Per\u200Bceuse' })],
  ['a joiner that joins nothing', item({ name: 'Per\u200Dceuse' })],
  ['a row of joiners', borrower({ firstName: 'علی\u200C\u200Cرضا' })],
  ['hidden tag characters', item({ name: `Perceuse${String.fromCodePoint(0xe0041, 0xe0042)}` })],
  ['half a character', item({ name: 'Perceuse \ud800' })],
  ['an over-long name', borrower({ firstName: 'A'.repeat(101) })],
  ['an over-long item', item({ name: 'A'.repeat(1_000_000) })],
  ['an over-long id', { ...good, attributionId: 'a'.repeat(101) }],
  ['a path as an id', { ...good, attributionId: '../../etc/passwd' }],
  ['a subject with wildcards as an id', { ...good, attributionId: 'a.>' }],
  ['SQL as an id', { ...good, attributionId: "x'; DROP TABLE events; --" }],
  ['a nested name', borrower({ firstName: deep(400) })],
  ['a nested loan', { ...good, item: deep(400) }],
  ['an object for a text', borrower({ email: { $ne: null } })],
  ['a negative date', due({ date: '-000001-01-10' })],
  ['a far date', due({ date: '9999-12-31' })],
  ['a date long ago', due({ date: '1000-01-01' })],
  ['a day that is not', due({ date: '2027-02-30' })],
  ['a moment long ago', { ...good, at: '0001-01-01T00:00:00Z' }],
  ['a far moment', { ...good, at: '2200-01-01T00:00:00Z' }],
  ['a moment that is far in UTC only', { ...good, at: '2199-12-31T23:59:59-12:00' }],
  ['a negative moment', { ...good, at: '-000001-01-01T00:00:00Z' }],
  ['a moment with an offset that is not', { ...good, at: '2027-01-01T00:00:00+99:99' }],
  ['an hour that is not', due({ time: '25:61' })],
  ['a zone that is not', due({ zone: 'Europe/Atlantis' })],
  ['an offset for a zone', due({ zone: '+02:00' })],
  ['a name of nothing but blanks', borrower({ firstName: ' \u00a0\u2003' })],
])('refused: %s', (_, value) => {
  const { success, error } = read(value);
  expect(success).toBe(false);
  // The reason names the field, never what was in it.
  expect(error!.message).not.toMatch(/Bcc|passwd|DROP|example\.org/);
});

test('digits of another script, combining marks and capitals of Turkey are texts like any other, in one form', () => {
  const parsed = read(borrower({ firstName: 'e\u0301'.repeat(40), lastName: 'İstanbul', phone: '٠٦١٢٣٤٥٦٧٨' }));
  expect(parsed.data?.borrower).toMatchObject({ firstName: 'é'.repeat(40), lastName: 'İstanbul' });
});

test.each(['علی\u200Cرضا', 'ක්\u200Dරිස්', 'അനില്\u200D', '👨\u200D👩\u200D👧', '🏳\uFE0F\u200D🌈', '🤦🏽\u200D♀\uFE0F', 'שָׁלוֹם', '🇫🇷'])('a name is spelled as its script spells it, joiners included: %s', (firstName) => {
  expect(read(borrower({ firstName })).data?.borrower.firstName).toBe(firstName);
});

test('what does not show is named by its number, a date and a zone by their shape', () => {
  const complaint = (value: unknown) => read(value).error?.issues.map(({ message }) => message);
  expect(complaint(item({ name: 'Per\u200Bceuse' }))).toEqual([expect.stringContaining('U+200B')]);
  expect(complaint(due({ date: '10/01/2027' }))).toEqual(['a date, YYYY-MM-DD']);
  expect(complaint(due({ zone: '+02:00' }))).toEqual(['an IANA zone name such as Europe/Paris']);
});

test('an address or a last name of nothing but blanks is none', () => {
  const parsed = read(borrower({ lastName: '', email: ' ', phone: '' }));
  expect(parsed.data?.borrower).toEqual(expect.objectContaining({ firstName: 'Marie', lastName: undefined, email: undefined, phone: undefined }));
});

test.each(['__proto__', 'constructor', 'prototype', 'toString'])('neutralised: a stray key %s', (key) => {
  const parsed = read(JSON.parse(JSON.stringify(good).replace('"borrower":{', `"borrower":{"${key}":{"polluted":true},`)));
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  expect(parsed.success).toBe(true);
  expect(Object.hasOwn(parsed.data!.borrower, key)).toBe(false);
});

describe('in messages', () => {
  const renderer = createRenderer();
  const message = (firstName: string, name: string) => {
    const { borrower: person, item: thing } = read({ ...good, borrower: { ...good.borrower, firstName }, item: { ...good.item, name } }).data as Loan;
    const model: MessageModel = { type: 'RAPPEL_J1', locale: 'fr', firstName: person.firstName, duration: 'LONG', returnedAt: '14:30', items: [{ ...thing, dueDate: '2027-01-10' }] };
    return { ...renderer.email(model), whatsapp: renderer.whatsapp(model) };
  };

  test.each(['{{7*7}}', '{{constructor.constructor("return process")()}}', '{{> layout}}', '{{{raw}}}', '${7*7}', '<%= 7*7 %>'])('template injection stays as typed: %s', (typed) => {
    const { text, whatsapp, html } = message('Marie', typed);
    for (const part of [text, whatsapp]) expect(part).toContain(typed);
    for (const part of [text, whatsapp, html]) expect(part).not.toMatch(/\b49\b|\[object|function/);
  });

  test.each(['<script>alert(1)</script>', '"><img src=x onerror=alert(1)>', '<a href="javascript:alert(1)">x</a>', '</style><svg onload=alert(1)>'])('HTML in a name is text: %s', (typed) => {
    const { html } = message(typed, typed);
    expect(html).not.toMatch(/<script|<img|<svg|<a [^>]*javascript|<[^>]*\son\w+\s*=/i);
    expect(html).toContain('&lt;');
  });
});
