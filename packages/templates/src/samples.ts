import { NotificationType, locales } from '@rappel/contracts';
import type { MessageModel } from './model.ts';

const drill = { code: 'PERC-001', name: 'Perceuse Bosch', dueDate: '2025-12-10' };
const sander = { code: 'PONC-004', name: 'Ponceuse Makita', dueDate: '2025-12-10' };
const level = { code: 'NIV-002', name: 'Niveau laser', dueDate: '2025-12-12', dueTime: '16:30' };

const bare = { firstName: 'Jean', duration: 'LONG', returnedAt: '14:30' } as const;
const rich = {
  ...bare, lastName: 'Dupont', returnedOn: '2025-12-10', daysLate: 3, level: 2,
  contact: '01 23 45 67 89', sender: 'Prêt de matériel', unsubscribeUrl: 'https://example.org/rappels',
};

/** Messages that take every branch of every template: one item, several due together, several due apart; few and all fields; more than fits. */
export function samples(): MessageModel[] {
  const crowd = Array.from({ length: 60 }, (_, at) => ({ ...level, name: `${at} ${'Niveau laser '.repeat(20)}`, code: `NIV-${at}-${'0'.repeat(60)}` }));
  return locales.flatMap((locale) => NotificationType.options.flatMap((type) => [
    { ...bare, type, locale, items: [drill] },
    { ...rich, type, locale, items: [drill, sander] },
    { ...rich, type, locale, items: [drill, sander, level] },
    { ...rich, type, locale, items: crowd },
  ]));
}
