import { z } from 'zod';

/** Ids travel in subjects, URLs and stream names, so they keep to letters, digits, `_`, `.`, `:` and `-`. */
export const Id = z.string().min(1).max(100).regex(/^[A-Za-z0-9][A-Za-z0-9_.:-]*$/, 'letters, digits, _ . : - only');

/** UTC instant, ISO 8601 (`2026-03-28T08:00:00.000Z`); an offset is accepted and turned into UTC. */
export const Instant = z.iso.datetime({ offset: true }).transform((s) => new Date(s).toISOString()).meta({ type: 'string', format: 'date-time' });

const [EARLIEST, END] = ['2000-01-01', '2200-01-01'];

/** When upstream says that something happened: an instant of the years 2000 to 2199. */
export const Moment = Instant.refine((at) => at >= EARLIEST && at < END, 'between 2000-01-01 and 2199-12-31');

/** Local calendar date, `YYYY-MM-DD`, years 2000 to 2199. */
export const LocalDate = z.iso.date().refine((d) => d >= EARLIEST && d < END, 'between 2000-01-01 and 2199-12-31');

/** Local time of day, `HH:mm`. */
export const LocalTime = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'HH:mm');

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
export const Zone = z.string().max(64).regex(/^[A-Za-z]/, 'an IANA zone name').refine(knownZone, 'unknown IANA zone');

// Control characters, halves of characters, bidirectional marks, zero-width and tag characters: nothing a name needs.
const invisible = /[\p{Cc}\p{Cs}\p{Bidi_Control}\u200b-\u200d\u2028\u2029\u2060-\u2064\ufeff\u{e0000}-\u{e007f}]/u;
/** One line of human text of at most `max` characters: trimmed, NFC, without control or bidirectional characters. */
export const line = (max: number) =>
  z.string().max(max * 4).transform((s) => s.normalize('NFC').trim())
    .pipe(z.string().min(1).max(max).refine((s) => !invisible.test(s), 'control or bidirectional characters'));
