import type { Locale, NotificationType } from '@rappel/contracts';
import { clean } from './clean.ts';
import type { ParsedModel } from './model.ts';
import { WORDS, longDate } from './words.ts';

interface ItemView {
  name: string;
  code: string;
  /** ISO day and a label such as "16:30" or "Avant 18h": the WhatsApp form. */
  date: string;
  time: string;
  /** "vendredi 12 décembre 2025, avant 18h": the email form. */
  due: string;
  /** The same, or the moment of return once it is back. */
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
  returnedText: string;
  lateFor: string;
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

function itemView(model: ParsedModel, locale: Locale, room: Room, item: ParsedModel['items'][number]): ItemView {
  const code = clean(item.code, room.code);
  const name = clean(item.name, room.name);
  const { label, phrase } = dueWords(model, locale, item.dueTime);
  const due = `${longDate(item.dueDate, locale)}, ${phrase}`;
  return {
    name: name || code || '-',
    code: code || '-',
    date: item.dueDate,
    time: label,
    due,
    when: returned(model, locale) || due,
    showDue: false,
    late: model.type === 'RETARD',
  };
}

function lateness(model: ParsedModel, locale: Locale, sameDue: boolean): string {
  if (!model.daysLate) return '';
  const days = WORDS[locale].days(model.daysLate);
  return sameDue ? days : WORDS[locale].upTo(days);
}

function returned(model: ParsedModel, locale: Locale): string {
  if (model.type !== 'RESTITUTION' || !model.returnedAt) return '';
  const at = WORDS[locale].at(model.returnedAt);
  return model.returnedOn ? `${longDate(model.returnedOn, locale)} ${at}` : at;
}

function personView(model: ParsedModel, locale: Locale): Pick<View, 'firstName' | 'fullName'> {
  const firstName = clean(model.firstName, 40);
  const lastName = clean(model.lastName, 60);
  const { someone } = WORDS[locale];
  return { firstName: firstName || lastName || someone, fullName: [firstName, lastName].filter(Boolean).join(' ') || someone };
}

function itemsView(model: ParsedModel, locale: Locale, room: Room): Pick<View, 'many' | 'count' | 'more' | 'item' | 'items' | 'sameDue'> {
  const all = model.items.map((item) => itemView(model, locale, room, item));
  const [item] = all as [ItemView, ...ItemView[]];
  const sameDue = all.every(({ date, time, late }) => date === item.date && (late || time === item.time));
  const items = all.slice(0, room.items).map((each) => ({ ...each, showDue: !sameDue }));
  return { many: all.length > 1, count: all.length, more: all.length - items.length, item, items, sameDue };
}

export function toView(model: ParsedModel, locale: Locale, room: Room): View {
  const words = WORDS[locale];
  const items = itemsView(model, locale, room);
  const returnedText = returned(model, locale);
  const what = items.many ? words.items(items.count) : `${items.item.name} (${items.item.code})`;
  const named = items.many ? clean(items.items.map(({ name }) => name).join(', '), 100) : what;
  const when = returnedText ? words.returned(returnedText) : items.items.every(({ due }) => due === items.item.due) && items.item.due;
  return {
    ...personView(model, locale),
    ...items,
    lang: locale,
    type: model.type,
    duration: words.durations[model.duration],
    durationText: words.durationText[model.duration],
    returnedAt: model.returnedAt ?? '',
    returnedText,
    lateFor: lateness(model, locale, items.sameDue),
    level: model.level,
    repeated: model.level > 1,
    contact: clean(model.contact, 120),
    sender: clean(model.sender, 60) || words.sender,
    unsubscribeUrl: model.unsubscribeUrl ?? '',
    what,
    summary: when ? `${named} · ${when}` : named,
    urgency: URGENCY[model.type],
  };
}
