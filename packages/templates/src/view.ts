import type { Locale, NotificationType } from '@rappel/contracts';
import { clean } from './clean.ts';
import type { ParsedModel } from './model.ts';
import { WORDS, longDate } from './words.ts';
import type { Words } from './words.ts';

interface ItemView {
  name: string;
  code: string;
  /** ISO day and a label such as "16:30" or "Avant 18h": the WhatsApp form. */
  date: string;
  time: string;
  /** When it is due, or was returned once it is back: "vendredi 12 décembre 2025" (may be empty), "avant 18h", and both in one. The email form. */
  day: string;
  hour: string;
  when: string;
  /** The items are due at different moments, so each says its own. */
  showDue: boolean;
  /** It is overdue: the day matters, not the time. */
  late: boolean;
}
interface Urgency { accent: string; accentDark: string }

/** What templates see. Every field is always there: strict templates refuse a missing one. Empty = not given. */
export interface View {
  lang: Locale;
  type: NotificationType;
  firstName: string;
  fullName: string;
  many: boolean;
  /** All items, and those not listed for want of room (0 = none). */
  count: number;
  more: number;
  item: ItemView;
  items: ItemView[];
  sameDue: boolean;
  duration: string;
  durationText: string;
  returnedAt: string;
  isReturned: boolean;
  lateFor: string;
  /** "demain", "dans 2 jours", "d'ici 4 jours" where items are due on different days; and in capitals. */
  dueIn: string;
  DUE_IN: string;
  /** "2 heures", "1h30", "45 minutes". */
  timeLeft: string;
  level: number;
  repeated: boolean;
  contact: string;
  sender: string;
  unsubscribeUrl: string;
  /** "Perceuse Bosch (PERC-001)" or "3 matériels". */
  what: string;
  /** One line for the inbox list: what, and when if all of it at one moment. */
  summary: string;
  urgency: Urgency;
  /** Of an email, once it is written. */
  subject: string;
}

/** How much of the typed-in values a text has room for. */
export interface Room { name: number; code: number; items: number }
export const FULL: Room = { name: 80, code: 40, items: 12 };

const CALM = { accent: '#1d4ed8', accentDark: '#93c5fd' };
const SOON = { accent: '#b45309', accentDark: '#fcd34d' };
const CRITICAL = { accent: '#b91c1c', accentDark: '#fca5a5' };
const DONE = { accent: '#15803d', accentDark: '#86efac' };
const URGENCY: Record<NotificationType, Urgency> = {
  CREATION: DONE, RAPPEL_J2: CALM, RAPPEL_2H: SOON, RAPPEL_J1: SOON, RAPPEL_FINAL: CRITICAL, RETARD: CRITICAL, RESTITUTION: DONE,
};

function dueWords(model: ParsedModel, locale: Locale, dueTime: string | undefined): { label: string; phrase: string } {
  const words = WORDS[locale];
  if (dueTime) return { label: dueTime, phrase: words.at(dueTime) };
  if (model.type === 'CREATION') return { label: words.toBeArranged, phrase: words.toBeArrangedAfterDate };
  return { label: words.before(model.closingHour), phrase: words.beforeAfterDate(model.closingHour) };
}

function itemView(model: ParsedModel, locale: Locale, room: Room, item: ParsedModel['items'][number]): Omit<ItemView, 'showDue'> {
  const code = clean(item.code, room.code);
  const name = clean(item.name, room.name);
  const { label, phrase } = dueWords(model, locale, item.dueTime);
  const day = longDate(item.dueDate, locale);
  return {
    name: name || code || '-',
    code: code || '-',
    date: item.dueDate,
    time: label,
    ...(returned(model, locale) ?? { day, hour: phrase, when: `${day}, ${phrase}` }),
    late: model.type === 'RETARD',
  };
}

function lateness(model: ParsedModel, locale: Locale, sameDue: boolean): string {
  if (!model.daysLate) return '';
  const days = WORDS[locale].days(model.daysLate);
  return sameDue ? days : WORDS[locale].upTo(days);
}

const LEFT: Readonly<Partial<Record<NotificationType, number>>> = { RAPPEL_J2: 2, RAPPEL_J1: 1 };

function dueInWords({ type, daysLeft: first = LEFT[type] ?? 0, daysLeftAtMost: last = first }: ParsedModel, words: Words): string {
  return last > first ? words.dueWithin(last) : words.dueIn(first);
}

/** As people count: by the quarter below an hour, above it by the half, to the nearest, for the exact time stands beside it. */
function rounded(minutes: number): { hours: number; minutes: number } {
  const [step, slack] = minutes < 70 ? [15, 5] : [30, 15];
  const whole = Math.floor((minutes + slack) / step) * step;
  return { hours: Math.floor(whole / 60), minutes: whole % 60 };
}

type Moment = Pick<ItemView, 'day' | 'hour' | 'when'>;

function returned(model: ParsedModel, locale: Locale): Moment | undefined {
  if (model.type !== 'RESTITUTION' || !model.returnedAt) return undefined;
  const hour = WORDS[locale].at(model.returnedAt);
  const day = model.returnedOn ? longDate(model.returnedOn, locale) : '';
  return { day, hour, when: day ? `${day} ${hour}` : hour };
}

function personView(model: ParsedModel, locale: Locale): Pick<View, 'firstName' | 'fullName'> {
  const firstName = clean(model.firstName, 40);
  const lastName = clean(model.lastName, 60);
  const { someone } = WORDS[locale];
  return { firstName: firstName || lastName || someone, fullName: [firstName, lastName].filter(Boolean).join(' ') || someone };
}

function itemsView(model: ParsedModel, locale: Locale, room: Room): Pick<View, 'many' | 'count' | 'more' | 'item' | 'items' | 'sameDue'> {
  const [first] = model.items as [ParsedModel['items'][number]];
  const sameDue = model.items.every(({ dueDate, dueTime }) => dueDate === first.dueDate && (model.type === 'RETARD' || dueTime === first.dueTime));
  const items = model.items.slice(0, room.items).map((each) => ({ showDue: !sameDue, ...itemView(model, locale, room, each) }));
  const count = model.items.length;
  return { many: count > 1, count, more: count - items.length, item: items[0] as ItemView, items, sameDue };
}

export function toView(model: ParsedModel, locale: Locale, room: Room): View {
  const words = WORDS[locale];
  const items = itemsView(model, locale, room);
  const what = items.many ? words.items(items.count) : `${items.item.name} (${items.item.code})`;
  const named = items.many ? clean(items.items.map(({ name }) => name).join(', '), 100) : what;
  const dueIn = dueInWords(model, words);
  const isReturned = model.type === 'RESTITUTION';
  const together = items.items.every(({ when }) => when === items.item.when);
  const when = isReturned ? words.returned(items.item.when) : items.item.when;
  const { firstName, fullName } = personView(model, locale);
  // One literal that names every field: an object of this size put together from others becomes a hash table, ten times slower.
  return {
    firstName, fullName,
    many: items.many, count: items.count, more: items.more, item: items.item, items: items.items, sameDue: items.sameDue,
    lang: locale,
    type: model.type,
    duration: words.durations[model.duration],
    durationText: words.durationText[model.duration],
    returnedAt: model.returnedAt ?? '',
    isReturned,
    lateFor: lateness(model, locale, items.sameDue),
    dueIn,
    DUE_IN: dueIn.toLocaleUpperCase(words.intl),
    timeLeft: words.timeLeft(rounded(model.minutesLeft)),
    level: model.level,
    repeated: model.level > 1,
    contact: clean(model.contact, 120),
    sender: clean(model.sender, 120) || words.sender,
    unsubscribeUrl: model.unsubscribeUrl ?? '',
    what,
    summary: together ? `${named} · ${when}` : named,
    urgency: URGENCY[model.type],
    subject: '',
  };
}
