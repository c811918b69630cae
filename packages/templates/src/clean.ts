const graphemes = new Intl.Segmenter('fr', { granularity: 'grapheme' });
// Where each unit is a character of its own, so that the (slow) segmenter has nothing to decide.
const PLAIN = /^[\x20-\x7E\u00A0-\u02FF]*$/;

// Printable Latin letters and single spaces: the patterns below would leave every one of them as it is.
const HARMLESS = /^[!-~¡-¬®-ſ]+(?: [!-~¡-¬®-ſ]+)*$/;

/**
 * One harmless line from a value that a person typed: line breaks and odd spaces become one space;
 * control characters, bidi overrides, invisible formatting, private-use and broken code points go.
 * Joiners stay (they hold emoji and several scripts together).
 */
function oneLine(value: string): string {
  if (value === '' || HARMLESS.test(value)) return value;
  return value
    .normalize('NFC')
    .replace(/[\s\p{Z}\u0085]+/gu, ' ')
    .replace(/(?![\u200C\u200D])[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Noncharacter_Code_Point}]/gu, '')
    .replace(/(\p{M}{4})\p{M}+/gu, '$1')
    .replace(/ {2,}/g, ' ')
    .trim();
}

/** `oneLine`, then cut between visible characters so that at most `limit` UTF-16 units remain, ellipsis included. */
export function clean(value: string, limit: number): string {
  const line = oneLine(value.slice(0, limit * 20));
  if (line.length <= limit) return line;
  if (PLAIN.test(line)) return `${line.slice(0, limit - 1).trimEnd()}…`;
  let kept = '';
  for (const { segment } of graphemes.segment(line)) {
    if (kept.length + segment.length > limit - 1) break;
    kept += segment;
  }
  return `${kept.trimEnd()}…`;
}
