import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { builtInTemplates, createRenderer } from '../src/index.ts';
import type { MessageModel } from '../src/index.ts';
import { seedLoan, severalItems } from './loans.ts';

const renderer = createRenderer();
const firstLine = (text: string): string => text.split('\n')[0] ?? '';

describe('language', () => {
  it.each([['fr-FR', 'fr'], ['FR', 'fr'], ['en-GB', 'en'], ['en_US', 'en'], ['de', 'fr'], ['', 'fr'], ['frr', 'fr']])('%j is written in %s', (tag, locale) => {
    expect(renderer.locale(tag)).toBe(locale);
    expect(renderer.email({ ...seedLoan('CREATION'), locale: tag }).html).toContain(`<html lang="${locale}"`);
  });
  it('has a default of the operator\'s choice', () => {
    expect(firstLine(createRenderer({ defaultLocale: 'en' }).whatsapp({ ...seedLoan('CREATION'), locale: 'de' }))).toBe('✅ Loan Confirmed');
  });
});

describe('moments', () => {
  const due = (type: MessageModel['type'], more: Partial<MessageModel>, dueDate = '2026-03-01'): string =>
    renderer.email({ ...seedLoan(type), items: [{ code: 'C', name: 'N', dueDate }], ...more }).text;
  it('says the first of a month the French way, and English without', () => {
    expect(due('RAPPEL_J1', {})).toContain('À rendre : dimanche 1er mars 2026, avant 18h');
    expect(due('RAPPEL_J1', { locale: 'en' })).toContain('Due back: Sunday 1 March 2026, before 18:00');
  });
  it('follows the closing hour', () => {
    expect(due('RAPPEL_J1', { closingHour: '17:30' })).toContain('avant 17h30');
    expect(renderer.whatsapp({ ...seedLoan('RAPPEL_FINAL'), closingHour: '09:00' })).toContain('Heure limite: Avant 9h\n');
  });
  it('says the day of return when it is known', () => {
    expect(due('RESTITUTION', { returnedOn: '2026-02-28' })).toContain('Restitué : samedi 28 février 2026 à 14h30');
  });
});

describe('time left', () => {
  const firstLineOf = (more: Partial<MessageModel>, locale = 'fr'): string => firstLine(renderer.whatsapp({ ...seedLoan('RAPPEL_2H'), locale, ...more }));
  it.each([
    [180, '3 heures', '3 hours'], [134, '2 heures', '2 hours'], [105, '2 heures', '2 hours'], [90, '1h30', '1 hour 30 minutes'], [69, '1 heure', '1 hour'], [60, '1 heure', '1 hour'], [55, '1 heure', '1 hour'],
    [45, '45 minutes', '45 minutes'], [9, 'quelques minutes', 'a few minutes'], [0, 'quelques minutes', 'a few minutes'],
  ])('says %i minutes as people do', (minutesLeft, french, english) => {
    expect(firstLineOf({ minutesLeft })).toBe(`⏰ RAPPEL - ${french} avant la restitution!`);
    expect(firstLineOf({ minutesLeft }, 'en')).toBe(`⏰ REMINDER - ${english} left before return!`);
    expect(renderer.email({ ...seedLoan('RAPPEL_2H'), minutesLeft }).subject).toContain(`Restitution dans ${french} : `);
  });
  it('says of items due on different days when the last is due', () => {
    const said = (daysLeft: number, daysLeftAtMost: number): string => firstLine(renderer.email({ ...severalItems('RAPPEL_J2'), daysLeft, daysLeftAtMost }).text);
    expect(said(3, 3)).toBe('À rendre dans 3 jours');
    expect(said(3, 4)).toBe("À rendre d'ici 4 jours");
    expect(said(0, 1)).toBe("À rendre d'ici demain");
    expect(firstLine(renderer.whatsapp({ ...severalItems('RAPPEL_J1'), daysLeft: 1, daysLeftAtMost: 2 }))).toBe("🚨 RAPPEL URGENT - Restitution D'ICI 2 JOURS!");
  });
});

describe('overdue notices', () => {
  it('repeat with their number and the days', () => {
    expect(renderer.whatsapp({ ...seedLoan('RETARD'), level: 3, daysLate: 9 })).toContain('• Retard en cours: 9 jours (relance n° 3)\n');
    expect(renderer.whatsapp({ ...seedLoan('RETARD'), level: 2, daysLate: 0 })).toContain('• Retard en cours (relance n° 2)\n');
  });
});

describe('data that cannot be written', () => {
  it.each<[string, Partial<MessageModel>]>([
    ['items', { items: [] }],
    ['items.0.dueDate', { items: [{ code: 'C', name: 'N', dueDate: '2025-02-30' }] }],
    ['items.0.dueTime', { items: [{ code: 'C', name: 'N', dueDate: '2025-02-20', dueTime: '25:00' }] }],
    ['returnedAt', { type: 'RESTITUTION', returnedAt: undefined }],
    ['unsubscribeUrl', { unsubscribeUrl: 'javascript:alert(1)' }],
  ])('is refused by the name of the field: %s', (field, more) => {
    const write = (): string => renderer.whatsapp({ ...seedLoan('RETARD'), firstName: 'Secret', ...more });
    expect(write).toThrow(expect.objectContaining({ code: 'invalid-model', message: expect.stringContaining(field) }));
    expect(write).not.toThrow(/Secret|javascript/);
  });
});

describe('an operator\'s templates', () => {
  const folders: string[] = [];
  const folder = (files: Record<string, string>): string => {
    const root = mkdtempSync(join(tmpdir(), 'rappel-templates-'));
    folders.push(root);
    for (const [path, source] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), source);
    }
    return root;
  };
  afterEach(() => { for (const root of folders.splice(0)) rmSync(root, { recursive: true }); });

  it('take the place of the built-in ones, the rest stays', () => {
    const own = createRenderer({ templatesDir: folder({ 'fr/whatsapp/CREATION.hbs': '\uFEFFSalut {{firstName}}\r\n' }) });
    expect(own.whatsapp(seedLoan('CREATION'))).toBe('Salut Jean\n');
    expect(own.whatsapp(seedLoan('RETARD'))).toBe(renderer.whatsapp(seedLoan('RETARD')));
  });
  it('may be a copy of all built-in ones', () => {
    expect(createRenderer({ templatesDir: folder(builtInTemplates()) }).email(seedLoan('RETARD'))).toEqual(renderer.email(seedLoan('RETARD')));
  });
  it.each<[string, Record<string, string>, string]>([
    ['a missing value', { 'fr/whatsapp/CREATION.hbs': '{{fristName}}' }, 'fristName'],
    ['a missing value in a branch', { 'en/email/RETARD.text.hbs': '{{#if many}}{{nope}}{{/if}}' }, 'nope'],
    ['a missing partial', { 'fr/whatsapp/CREATION.hbs': '{{> nope}}' }, 'nope'],
    ['an unknown helper', { 'fr/whatsapp/CREATION.hbs': '{{shout firstName}}' }, 'shout'],
    ['broken syntax', { 'fr/whatsapp/CREATION.hbs': '{{#if many}}' }, 'fr/whatsapp/CREATION.hbs'],
    ['unescaped output', { 'fr/email/CREATION.html.hbs': '{{{firstName}}}' }, 'unescaped'],
    ['a file that replaces nothing', { 'fr/whatsapp/CREATON.hbs': 'x' }, 'fr/whatsapp/CREATON.hbs'],
  ])('fail at the start, not at the first borrower: %s', (_, files, named) => {
    expect(() => createRenderer({ templatesDir: folder(files) })).toThrow(expect.objectContaining({ code: 'bad-template', message: expect.stringContaining(named) }));
  });
  it('fail when longer than WhatsApp takes, or when the folder is missing', () => {
    expect(() => createRenderer({ templatesDir: folder({ 'fr/whatsapp/CREATION.hbs': 'x'.repeat(1025) }) })).toThrow(expect.objectContaining({ code: 'too-long' }));
    expect(() => createRenderer({ templatesDir: '/nowhere/at/all' })).toThrow(/no such folder/);
  });
});
