import { describe, expect, it } from '@jest/globals';
import { NotificationType } from '@rappel/contracts';
import fc from 'fast-check';
import { createRenderer } from '../src/index.ts';
import type { MessageModel } from '../src/index.ts';
import { seedLoan } from './loans.ts';

const renderer = createRenderer();

// RAPPEL_SEED repeats a run; fast-check prints the seed of a failing one.
const seed = process.env['RAPPEL_SEED'];
const RUNS = { numRuns: 300, ...(seed ? { seed: Number(seed) } : {}) };

const NASTY = ['{{', '}}', '{{{x}}}', '{{constructor}}', '{{> layout}}', '<script>alert(1)</script>', '<img src=x onerror=y>', '"', "'", '&', '`', '\r\nBcc: x', '\u0000',
  '\u202E', '\u2066', '\u200B', '\u2028', '\uD800', '\uFEFF', '\u{E0041}', '👩‍👩‍👧', 'é', 'e\u0301', '\u0301'.repeat(30), ' '.repeat(9), '\t', '$&', '$1', '__proto__', 'x'.repeat(400)];
const typed = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 120 }),
  fc.array(fc.oneof(fc.constantFrom(...NASTY), fc.string({ maxLength: 12 })), { maxLength: 6 }).map((parts) => parts.join('')),
);
const day = fc.date({ min: new Date('2000-01-01'), max: new Date('2090-12-31'), noInvalidDate: true }).map((date) => date.toISOString().slice(0, 10));
const clock = fc.tuple(fc.nat(23), fc.nat(59)).map(([hours, minutes]) => `${String(hours).padStart(2, '0')}:${String(minutes).padStart(2, '0')}`);
const item = fc.record({ code: typed, name: typed, dueDate: day, dueTime: clock }, { requiredKeys: ['code', 'name', 'dueDate'] });
const model: fc.Arbitrary<MessageModel> = fc.record({
  type: fc.constantFrom(...NotificationType.options),
  locale: fc.oneof(fc.constantFrom('fr', 'en', 'fr-FR'), typed),
  firstName: typed,
  items: fc.array(item, { minLength: 1, maxLength: 30 }),
  duration: fc.constantFrom('COURT' as const, 'MOYEN' as const, 'LONG' as const),
  returnedAt: clock,
  lastName: typed, returnedOn: day, daysLate: fc.nat(400), level: fc.integer({ min: 1, max: 99 }), closingHour: clock, contact: typed, sender: typed,
  unsubscribeUrl: fc.webUrl({ withQueryParameters: true, withFragments: true }),
}, { requiredKeys: ['type', 'locale', 'firstName', 'items', 'duration', 'returnedAt'] });

// Everything invisible or direction-changing that is not a line feed; joiners belong to emoji and to several scripts.
const UNSAFE = /(?![\n\u200C\u200D])[\p{Cc}\p{Cf}\p{Cs}\p{Co}\u2028\u2029]/u;
describe('whatever people type', () => {
  it('never breaks a WhatsApp text', () => {
    fc.assert(fc.property(model, (given) => {
      const text = renderer.whatsapp(given);
      expect(text.length).toBeLessThanOrEqual(1024);
      expect(text).toMatch(/\S\n$/);
      expect(text).not.toMatch(UNSAFE);
    }), RUNS);
  });

  it('never breaks an email', () => {
    fc.assert(fc.property(model, (given) => {
      const { subject, html, text } = renderer.email(given);
      expect(subject).toMatch(/^\S.*\S$/u);
      expect(subject.length).toBeLessThanOrEqual(200);
      for (const part of [subject, html, text]) expect(part).not.toMatch(UNSAFE);
      expect(html).not.toMatch(/<script|<img|<[^>]*\son\w+\s*=/i);
    }), RUNS);
  });

  it('never adds markup: the same message in plain words has the same tags', () => {
    const shape = (html: string): string => [...html.matchAll(/<[^>]*>/g)].map(([tag]) => tag.replace(/href="[^"]*"/, 'href')).join('');
    fc.assert(fc.property(model, (given) => {
      const plain = { ...given, firstName: 'A', lastName: 'B', sender: 'S', contact: '', items: given.items.map((each) => ({ ...each, name: 'N', code: 'C' })) };
      expect(shape(renderer.email({ ...given, contact: '' }).html)).toBe(shape(renderer.email(plain).html));
    }), RUNS);
  });

  it('never breaks content variables', () => {
    const fixed = new Map(renderer.approvalTexts('c'.repeat(120)).map(({ type, locale, body }) => [`${type} ${locale}`, body.replace(/\{\{\d\}\}/g, '')]));
    fc.assert(fc.property(model, (given) => {
      const values = Object.values(renderer.contentVariables(given));
      for (const value of values) {
        expect(value.trim()).not.toBe('');
        expect(value.length).toBeLessThanOrEqual(1600);
        expect(value).not.toMatch(/\n|\{\{| {5}/);
        expect(value).not.toMatch(UNSAFE);
      }
      const body = fixed.get(`${given.type} ${renderer.locale(given.locale)}`) ?? '';
      expect(body.length + values.join('').length).toBeLessThanOrEqual(1024);
    }), RUNS);
  });

  it('leaks nothing of the machinery', () => {
    const wordy = fc.string({ unit: fc.constantFrom(...'abc XYZ-éü'), maxLength: 60 });
    fc.assert(fc.property(model, fc.array(wordy, { minLength: 5, maxLength: 5 }), (given, [firstName = '', name = '', code = '', contact = '', lastName = '']) => {
      const tame = { ...given, firstName, lastName, contact, sender: '', unsubscribeUrl: 'https://pret.example.org/stop', items: given.items.map((each) => ({ ...each, name, code })) };
      const { subject, html, text } = renderer.email(tame);
      for (const part of [renderer.whatsapp(tame), subject, text, html.replace(/<style>.*<\/style>/s, '')]) {
        expect(part).not.toMatch(/\{\{|\}\}|undefined|null|NaN|\[object/);
      }
    }), RUNS);
  });
});

describe('a few by name', () => {
  const withName = (name: string, type: NotificationType = 'RAPPEL_J1'): MessageModel => {
    const loan = seedLoan(type);
    return { ...loan, items: loan.items.map((each) => ({ ...each, name })) };
  };
  it('keeps braces as typed', () => {
    expect(renderer.whatsapp(withName('{{constructor}} {{> items}}'))).toContain('📦 Matériel: {{constructor}} {{> items}}\n');
    expect(renderer.email(withName('{{lang}}')).html).toContain('{{lang}}');
  });
  it('escapes in HTML only', () => {
    const { html, text } = renderer.email(withName('Scie <b>"R&D"</b>'));
    expect(html).toContain('Scie &lt;b&gt;&quot;R&amp;D&quot;&lt;/b&gt;');
    expect(text).toContain('Scie <b>"R&D"</b>');
  });
  it('keeps a typed line break from becoming a line', () => {
    expect(renderer.whatsapp(withName('Perceuse\n\n✅ Gratuit!'))).toContain('📦 Matériel: Perceuse ✅ Gratuit!\n');
    expect(renderer.email({ ...withName('x'), items: [{ code: 'A\r\nBcc: b@example.org', name: 'x', dueDate: '2025-12-10' }] }).subject).toContain('(A Bcc: b@example.org)');
  });
  it('cuts between visible characters, with an ellipsis', () => {
    const family = '👩‍👩‍👧';
    expect(renderer.whatsapp(withName(family.repeat(40)))).toMatch(new RegExp(`Matériel: (${family}){9}…\n`, 'u'));
  });
  it('shows the longest name and reference that a loan can have whole in an email', () => {
    const [name, code, sender] = ['Échafaudage roulant '.repeat(10).slice(0, 199).concat('.'), `REF-${'7'.repeat(60)}`, 'Service de prêt de la Métropole, '.repeat(3).concat('bâtiment B')];
    const { subject, html, text } = renderer.email({ ...seedLoan('RETARD'), sender, items: [{ code, name, dueDate: '2025-12-10' }] });
    for (const part of [html, text]) for (const value of [name, code, sender]) expect(part).toContain(value);
    expect(subject.length).toBeLessThanOrEqual(140);
  });
  it('drops items rather than going over 1024, and says how many', () => {
    const loan = withName('Échafaudage roulant en aluminium, hauteur de travail douze mètres', 'RETARD');
    const text = renderer.whatsapp({ ...loan, items: Array.from({ length: 20 }, () => loan.items).flat() });
    expect(text.length).toBeLessThanOrEqual(1024);
    expect(text).toMatch(/… et \d+ de plus\n/);
    expect(text).toContain('Les 20 matériels suivants');
  });
  it('addresses someone without a name', () => {
    expect(renderer.whatsapp({ ...seedLoan('RETARD'), firstName: '\u202E ' })).toContain('\nMadame, Monsieur,\n');
    expect(renderer.whatsapp({ ...seedLoan('RETARD'), firstName: '', lastName: 'Dupont' })).toContain('\nDupont,\n');
  });
});
