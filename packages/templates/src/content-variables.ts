import type { NotificationType } from '@rappel/contracts';
import { clean } from './clean.ts';
import type { View } from './view.ts';

export type Slot = 'firstName' | 'name' | 'code' | 'date' | 'time' | 'duration' | 'returnedAt';

/** What {{1}}, {{2}}, … stand for in each approved template. Changing an order means submitting the texts again. */
export const SLOTS: Record<NotificationType, readonly Slot[]> = {
  CREATION: ['firstName', 'name', 'code', 'date', 'time'],
  RAPPEL_2H: ['firstName', 'name', 'code', 'time'],
  RAPPEL_J2: ['firstName', 'name', 'code', 'date', 'time'],
  RAPPEL_J1: ['firstName', 'name', 'code', 'date', 'time'],
  RAPPEL_FINAL: ['firstName', 'name', 'code', 'time'],
  RETARD: ['firstName', 'name', 'code', 'date'],
  RESTITUTION: ['firstName', 'name', 'code', 'duration', 'returnedAt'],
};

/** With the fixed text (under 450 characters) and contact (120) this stays below WhatsApp's 1024. */
const LIMITS: Record<Slot, number> = { firstName: 40, name: 140, code: 90, date: 60, time: 60, duration: 20, returnedAt: 20 };

/** An approved text is about one item and holds no line breaks in values, so several items are joined in one line. */
function value(view: View, slot: Slot): string {
  const joined = (values: string[]): string => [...new Set(values)].join(', ');
  switch (slot) {
    case 'name':
    case 'code': return view.items.map((item) => item[slot]).join(', ');
    case 'date':
    case 'time': return joined(view.items.map((item) => item[slot]));
    default: return view[slot];
  }
}

export function contentVariables(view: View): Record<string, string> {
  return Object.fromEntries(SLOTS[view.type].map((slot, at) => {
    // A value that looks like a placeholder must not be one for the provider.
    const text = clean(value(view, slot), LIMITS[slot]).replace(/\{(?=\{)/g, '{ ');
    return [String(at + 1), text || '-'];
  }));
}
