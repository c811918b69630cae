import { describe, expect, it } from '@jest/globals';
import { approvalListing, createRenderer } from '../src/index.ts';
import { expectGolden } from './golden.ts';
import { seedLoan, severalItems } from './loans.ts';

const renderer = createRenderer();
const texts = renderer.approvalTexts();

describe.each(texts)('approved template $name', ({ body, variables, type, locale }) => {
  it('uses each variable, in order of keys from 1, and none at its edges', () => {
    const used = [...body.matchAll(/\{\{(\d+)\}\}/g)].map(([, key]) => key);
    expect([...new Set(used)].sort()).toEqual(variables.map(({ key }) => key));
    expect(variables.map(({ key }) => key)).toEqual(variables.map((_, at) => String(at + 1)));
    expect(body).not.toMatch(/^\{\{|\}\}$|\}\}\s*\{\{/);
  });
  it('filled with the content variables says what the free-form text says', () => {
    const model = { ...seedLoan(type), locale };
    const values = renderer.contentVariables(model);
    expect(Object.keys(values)).toEqual(variables.map(({ key }) => key));
    expect(`${body.replace(/\{\{(\d+)\}\}/g, (_, key: string) => values[key] ?? '?')}\n`).toBe(renderer.whatsapp(model));
  });
});

it('puts the contact into the submitted text', () => {
  expect(renderer.approvalTexts('01 23 45 67 89')[0]?.body).toContain('contactez-nous: 01 23 45 67 89');
});

it('joins several items in one line', () => {
  expect(renderer.contentVariables(severalItems('RETARD'))).toEqual({
    1: 'Jean', 2: 'Perceuse Bosch, Ponceuse Makita, Niveau laser', 3: 'PERC-001, PONC-004, NIV-002', 4: '2025-12-10, 2025-12-08',
  });
});

it('keeps the listing for the approval form up to date', () => {
  expectGolden('../../whatsapp-approval.md', approvalListing(texts));
});
