import { describe, expect, it } from '@jest/globals';
import { encode } from 'nodemailer/lib/qp';
import { quotedPrintable } from './quoted-printable.ts';

const alphabet = ['a', 'Z', '.', '=', '=3D', ' ', '\t', '  ', '\n', '\r', '\r\n', 'é', '🙂', '\u0000', '\u007f', '\ud800', 'mot '.repeat(10), 'x'.repeat(75)];

/** The same texts for the same seed. */
function* texts(seed: number): Generator<string> {
  let state = seed;
  const next = (below: number): number => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
  for (let n = 0; n < 2000; n++) yield Array.from({ length: next(30) }, () => alphabet[next(alphabet.length)]).join('');
}

const decoded = (encoded: string): string =>
  Buffer.from(encoded.replaceAll('=\r\n', '').replace(/=([\dA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))), 'latin1').toString();

describe('quotedPrintable', () => {
  it('carries any text, its line ends as CRLF, in lines of at most 76 printable characters', () => {
    for (const text of texts(7)) {
      const encoded = quotedPrintable(text);
      expect(decoded(encoded)).toBe(Buffer.from(text.replace(/\r\n|\r|\n/g, '\r\n')).toString());
      for (const line of encoded.split('\r\n')) expect(line).toMatch(/^(?:[\t\x20-\x7e]{0,75}[\x21-\x7e])?$/);
    }
  });

  it('escapes what the library escapes', () => {
    for (const text of texts(8)) expect(quotedPrintable(text).replaceAll('=\r\n', '')).toBe(encode(text.replace(/\r\n|\r|\n/g, '\r\n')));
  });
});
