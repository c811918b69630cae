import { locales } from '@rappel/contracts';
import type { Locale, LoanDuration } from '@rappel/contracts';

/** What code has to say in a language; everything longer is in the templates. */
export interface Words {
  intl: string;
  someone: string;
  sender: string;
  /** Times: as a label of their own (WhatsApp) and after a date (email). */
  toBeArranged: string;
  before(closing: string): string;
  toBeArrangedAfterDate: string;
  beforeAfterDate(closing: string): string;
  at(time: string): string;
  day(date: DateParts): string;
  durations: Record<LoanDuration, string>;
  durationText: Record<LoanDuration, string>;
  items(count: number): string;
  days(count: number): string;
  upTo(days: string): string;
  /** How many calendar days are left, 0 = today. */
  dueIn(days: number): string;
  /** The same where the first is due sooner than that. From 1. */
  dueWithin(days: number): string;
  /** How long it still is; nothing of either = less than a quarter of an hour. */
  timeLeft(left: { hours: number; minutes: number }): string;
  returned(when: string): string;
}
interface DateParts { weekday: string; day: number; month: string; year: string }

const frenchClock = (time: string): string => {
  const [hours, minutes] = time.split(':');
  return `${Number(hours)}h${minutes === '00' ? '' : minutes}`;
};

export const WORDS: Record<Locale, Words> = {
  fr: {
    intl: 'fr-FR',
    someone: 'Madame, Monsieur',
    sender: 'Service de gestion des matériels',
    toBeArranged: 'À convenir',
    before: (closing) => `Avant ${frenchClock(closing)}`,
    toBeArrangedAfterDate: 'heure à convenir',
    beforeAfterDate: (closing) => `avant ${frenchClock(closing)}`,
    at: (time) => `à ${frenchClock(time)}`,
    day: ({ weekday, day, month, year }) => `${weekday} ${day === 1 ? '1er' : day} ${month} ${year}`,
    durations: { COURT: 'COURT', MOYEN: 'MOYEN', LONG: 'LONG' },
    durationText: { COURT: 'courte', MOYEN: 'moyenne', LONG: 'longue' },
    items: (count) => `${count} matériels`,
    days: (count) => `${count} ${count < 2 ? 'jour' : 'jours'}`,
    upTo: (days) => `jusqu'à ${days}`,
    dueIn: (days) => (days < 2 ? ["aujourd'hui", 'demain'][days]! : `dans ${days} jours`),
    dueWithin: (days) => (days === 1 ? "d'ici demain" : `d'ici ${days} jours`),
    timeLeft: ({ hours, minutes }) => {
      if (hours === 0) return minutes === 0 ? 'quelques minutes' : `${minutes} minutes`;
      return minutes === 0 ? `${hours} ${hours < 2 ? 'heure' : 'heures'}` : `${hours}h${minutes}`;
    },
    returned: (when) => `restitué ${when}`,
  },
  en: {
    intl: 'en-GB',
    someone: 'Sir or Madam',
    sender: 'Equipment lending service',
    toBeArranged: 'To be arranged',
    before: (closing) => `Before ${closing}`,
    toBeArrangedAfterDate: 'time to be arranged',
    beforeAfterDate: (closing) => `before ${closing}`,
    at: (time) => `at ${time}`,
    day: ({ weekday, day, month, year }) => `${weekday} ${day} ${month} ${year}`,
    durations: { COURT: 'SHORT', MOYEN: 'MEDIUM', LONG: 'LONG' },
    durationText: { COURT: 'short', MOYEN: 'medium', LONG: 'long' },
    items: (count) => `${count} items`,
    days: (count) => `${count} ${count === 1 ? 'day' : 'days'}`,
    upTo: (days) => `up to ${days}`,
    dueIn: (days) => (days < 2 ? ['today', 'tomorrow'][days]! : `in ${days} days`),
    dueWithin: (days) => (days === 1 ? 'by tomorrow' : `within ${days} days`),
    timeLeft: ({ hours, minutes }) => {
      if (hours === 0) return minutes === 0 ? 'a few minutes' : `${minutes} minutes`;
      return `${hours} ${hours === 1 ? 'hour' : 'hours'}${minutes === 0 ? '' : ` ${minutes} minutes`}`;
    },
    returned: (when) => `returned ${when}`,
  },
};

/** `fr-FR` → `fr`, `en_GB` → `en`, anything else → the fallback. */
export function resolveLocale(tag: string, fallback: Locale): Locale {
  const language = tag.trim().toLowerCase().split(/[-_]/)[0];
  return locales.find((locale) => locale === language) ?? fallback;
}

const formats = new Map<Locale, Intl.DateTimeFormat>();

const MOST_DATES = 2000;
const written = new Map<string, string>();

/** "vendredi 12 décembre 2025". Many messages name the same few days, and each costs as much as the rest of a short message. */
export function longDate(isoDate: string, locale: Locale): string {
  const key = `${locale}${isoDate}`;
  const known = written.get(key);
  if (known !== undefined) return known;
  if (written.size >= MOST_DATES) written.clear();
  const date = writeDate(isoDate, locale);
  written.set(key, date);
  return date;
}

/** Put together from parts: the joined form differs between ICU versions. */
function writeDate(isoDate: string, locale: Locale): string {
  const format = formats.get(locale) ?? new Intl.DateTimeFormat(WORDS[locale].intl, {
    weekday: 'long', day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC',
  });
  formats.set(locale, format);
  const parts = Object.fromEntries(format.formatToParts(new Date(`${isoDate}T00:00:00Z`)).map(({ type, value }) => [type, value]));
  return WORDS[locale].day({
    weekday: parts['weekday'] ?? '', day: Number(parts['day']), month: parts['month'] ?? '', year: parts['year'] ?? '',
  });
}
