import { z } from 'zod';

/** Ids travel in subjects, URLs and stream names, so they keep to letters, digits, `_`, `.`, `:` and `-`. */
export const Id = z.string().min(1).max(100).regex(/^[A-Za-z0-9][A-Za-z0-9_.:-]*$/, 'only the letters a to z and A to Z, digits, _ . : -, beginning with a letter or digit');

/** UTC instant, ISO 8601 (`2026-03-28T08:00:00.000Z`); an offset is accepted and turned into UTC. */
export const Instant = z.iso.datetime({ offset: true, error: 'an instant with its zone, 2026-03-28T08:00:00Z', abort: true }).transform((s) => new Date(s).toISOString()).meta({ type: 'string', format: 'date-time' });

const [EARLIEST, END] = ['2000-01-01', '2200-01-01'];

/** When upstream says that something happened: an instant of the years 2000 to 2199. */
export const Moment = Instant.refine((at) => at >= EARLIEST && at < END, 'between 2000-01-01 and 2199-12-31');

/** Local calendar date, `YYYY-MM-DD`, years 2000 to 2199. */
export const LocalDate = z.iso.date({ error: 'a date, YYYY-MM-DD', abort: true }).refine((d) => d >= EARLIEST && d < END, 'between 2000-01-01 and 2199-12-31');

/** Local time of day, `HH:mm`. */
export const LocalTime = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'a time, HH:mm');

// Making a formatter takes longer than all the rest of a message's validation, so known names are remembered; there are about 600.
const zones = new Set<string>();
const knownZone = (zone: string): boolean => {
  if (zones.has(zone)) return true;
  try {
    Intl.DateTimeFormat('en', { timeZone: zone });
    if (zones.size < 2000) zones.add(zone);
    return true;
  } catch {
    return false;
  }
};
/** IANA zone name known to this runtime, e.g. `Europe/Paris`; bare offsets are refused. */
export const Zone = z.string().max(64).regex(/^[A-Za-z]/, { error: 'an IANA zone name such as Europe/Paris', abort: true }).refine(knownZone, 'unknown IANA zone');

// Control characters, halves of characters, bidirectional marks, zero-width and tag characters: nothing a name needs. But joiners are part of
// the spelling of Persian and Indian names and of emoji: one after a letter of Arabic script, a mark or a picture is left where it is.
const invisible = /[\p{Cc}\p{Cs}\p{Bidi_Control}\u200b\u2028\u2029\u2060-\u2064\ufeff\u{e0000}-\u{e007f}]|(?<![\p{Script=Arabic}\p{M}\p{Extended_Pictographic}\p{Emoji_Modifier}])[\u200c\u200d]/u;
const named = (text: string): string => `U+${invisible.exec(text)![0].codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`;
const showing = (text: z.ZodString): z.ZodString => text.refine((s) => !invisible.test(s), { error: ({ input }) => `a control, bidirectional or zero-width character (${named(input as string)})` });
const oneForm = (text: string): string => text.normalize('NFC').trim();

/** One line of human text of at most `max` characters: trimmed, NFC, without control or bidirectional characters. */
export const line = (max: number) => z.string().max(max * 4).transform(oneForm).pipe(showing(z.string().min(1).max(max)));

/** A line that may be missing; one of nothing but blanks is missing too. */
export const optionalLine = (max: number) => z.string().max(max * 4).transform((s) => oneForm(s) || undefined).pipe(showing(z.string().max(max)).optional()).optional();
