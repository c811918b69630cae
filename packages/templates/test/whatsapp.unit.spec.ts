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
