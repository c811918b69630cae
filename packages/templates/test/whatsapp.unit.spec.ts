import { describe, expect, it } from '@jest/globals';
import { NotificationType } from '@rappel/contracts';
import { createRenderer } from '../src/index.ts';
import { expectGolden, golden } from './golden.ts';
import { seedLoan, severalItems } from './loans.ts';

const renderer = createRenderer();

describe.each(NotificationType.options)('WhatsApp %s', (type) => {
  it('is the known French text, byte for byte', () => {
    expect(Buffer.from(renderer.whatsapp(seedLoan(type)))).toEqual(golden(`whatsapp-fr/${type}.txt`));
  });
  it('has its English text', () => {
    expectGolden(`whatsapp-en/${type}.txt`, renderer.whatsapp({ ...seedLoan(type), locale: 'en' }));
  });
  it.each(['fr', 'en'])('lists several items in one message (%s)', (locale) => {
    expectGolden(`whatsapp-several/${locale}/${type}.txt`, renderer.whatsapp({ ...severalItems(type), locale }));
  });
});

describe('the days that are left', () => {
  it.each([
    ['RAPPEL_J1', 'fr', 3, 'RAPPEL URGENT - Restitution DANS 3 JOURS!'],
    ['RAPPEL_J1', 'fr', 0, "Votre emprunt expire AUJOURD'HUI:"],
    ['RAPPEL_J2', 'fr', 1, 'doit être restitué demain:'],
    ['RAPPEL_FINAL', 'en', 2, 'RETURN DUE IN 2 DAYS!'],
    ['RAPPEL_J2', 'en', 4, 'due back in 4 days:'],
  ] as const)('%s in %s, %i left: %s', (type, locale, daysLeft, words) => {
    expect(renderer.whatsapp({ ...seedLoan(type), locale, daysLeft })).toContain(words);
    expect(renderer.email({ ...seedLoan(type), locale, daysLeft }).subject).toContain({ fr: ["aujourd'hui", 'demain', '', 'dans 3 jours'], en: ['', '', 'in 2 days', '', 'in 4 days'] }[locale][daysLeft]);
  });
  it('are those of the type when nobody counted them', () => {
    for (const [type, daysLeft] of [['RAPPEL_J2', 2], ['RAPPEL_J1', 1], ['RAPPEL_FINAL', 0]] as const) {
      expect(renderer.whatsapp({ ...seedLoan(type), daysLeft })).toBe(renderer.whatsapp(seedLoan(type)));
    }
  });
});
