import type { NotificationType } from '@rappel/contracts';
import type { MessageModel } from '../src/index.ts';

const SEED_DUE: Partial<Record<NotificationType, { dueDate: string; dueTime?: string }>> = {
  RAPPEL_2H: { dueDate: '2025-12-10', dueTime: '16:30' },
  RAPPEL_J2: { dueDate: '2025-12-12' },
  RAPPEL_J1: { dueDate: '2025-12-11' },
};

/** The loan that the known French texts speak of. */
export function seedLoan(type: NotificationType): MessageModel {
  return {
    type, locale: 'fr', firstName: 'Jean', duration: 'LONG', returnedAt: '14:30', daysLate: 1, level: 1,
    items: [{ code: 'PERC-001', name: 'Perceuse Bosch', dueDate: '2025-12-10', ...SEED_DUE[type] }],
  };
}

/** Three items: due apart when overdue, together otherwise; every optional field given. */
export function severalItems(type: NotificationType): MessageModel {
  const [drill] = seedLoan(type).items as [MessageModel['items'][number]];
  const late = type === 'RETARD';
  return {
    ...seedLoan(type),
    lastName: 'Dupont',
    items: [
      drill,
      { ...drill, code: 'PONC-004', name: 'Ponceuse Makita' },
      { ...drill, code: 'NIV-002', name: 'Niveau laser', ...(late ? { dueDate: '2025-12-08', dueTime: '12:00' } : {}) },
    ],
    returnedOn: '2025-12-10',
    daysLate: 4,
    level: 2,
    contact: '01 23 45 67 89',
    sender: 'Atelier municipal',
    unsubscribeUrl: 'https://pret.example.org/rappels?jeton=a&lang=fr',
  };
}
