import { describe, expect, it } from '@jest/globals';
import { NotificationType } from '@rappel/contracts';
import { createRenderer } from '../src/index.ts';
import { expectGolden } from './golden.ts';
import { seedLoan, severalItems } from './loans.ts';

const renderer = createRenderer();
const cases = (['fr', 'en'] as const).flatMap((locale) => NotificationType.options.map((type) => ({ locale, type })));

describe.each(cases)('email $locale $type', ({ locale, type }) => {
  it('about one item is as kept', () => {
    const { subject, html, text } = renderer.email({ ...seedLoan(type), locale });
    expectGolden(`email/${locale}/${type}.txt`, `Subject: ${subject}\n\n${text}`);
    expectGolden(`email/${locale}/${type}.html`, html);
  });
  it('about several items is as kept', () => {
    const { subject, html, text } = renderer.email({ ...severalItems(type), locale });
    expectGolden(`email-several/${locale}/${type}.txt`, `Subject: ${subject}\n\n${text}`);
    expectGolden(`email-several/${locale}/${type}.html`, html);
  });
  it('names its language and holds no image, script or outside address', () => {
    const { html } = renderer.email({ ...seedLoan(type), locale });
    expect(html).toContain(`<html lang="${locale}"`);
    expect(html).not.toMatch(/<script|<img|<link|@import|https?:/);
  });
});
