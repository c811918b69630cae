import { parsePhoneNumberFromString, type CountryCode } from 'libphonenumber-js';

export const INVALID_PHONE = 'Invalid recipient phone number';

/**
 * A phone number as people write it, in digits of any script, as E.164; undefined when it cannot be one. Read first as a number of `country`
 * (`0612345678`, `612345678`), then as an international one whose `+` or `00` is missing (`33612345678`).
 */
export function parsePhone(raw: string, country?: string): string | undefined {
  const written = raw.normalize('NFKC').trim().replace(/^(whatsapp|tel):/i, '').replace(/^\((\+\d+)\)/, '$1');
  if (!/^\+?[\p{Nd}\p{Pd}\s()./]{4,40}$/u.test(written)) return undefined;
  const international = written.startsWith('00') ? `+${written.slice(2)}` : written;
  const attempts = international.startsWith('+')
    ? [parsePhoneNumberFromString(international)]
    : [parsePhoneNumberFromString(international, country as CountryCode | undefined), parsePhoneNumberFromString(`+${international}`)];
  return attempts.find((number) => number?.isValid())?.number;
}
