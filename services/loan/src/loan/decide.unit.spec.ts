import { describe, expect, test } from '@jest/globals';
import type { LoanSnapshot } from '@rappel/contracts';
import { attributionFold, type Attribution, type AttributionEvent } from '@rappel/lending';
import type { RecordedEvent } from '@rappel/event-store';
import { decide, type LoanCommand } from './decide.ts';

const at = '2025-12-01T09:00:00.000Z';
const loan: LoanSnapshot = {
  attributionId: 'L-1', borrowerId: 'B-1', item: { code: 'PERC-001', name: 'Perceuse Bosch' }, duration: 'LONG',
  due: { date: '2025-12-10', zone: 'Europe/Paris' }, dueAt: '2025-12-10T17:00:00.000Z', dueVersion: 1,
};
const later = { due: { date: '2025-12-17', zone: 'Europe/Paris' }, dueAt: '2025-12-17T17:00:00.000Z' };
const created: AttributionEvent = { type: 'AttributionCreated', data: { loan, at } };
const returned: AttributionEvent = { type: 'AttributionReturned', data: { loan, returnedAt: at, at } };
const cancelled: AttributionEvent = { type: 'AttributionCancelled', data: { loan, at } };
const overdue: AttributionEvent = { type: 'AttributionOverdue', data: { loan, occurrence: 1, daysLate: 0, level: 1, at } };

const after = (...events: AttributionEvent[]): Attribution =>
  events.reduce((state, event) => attributionFold.evolve(state, event as unknown as RecordedEvent), attributionFold.initial);
const commands = {
  create: { type: 'CreateAttribution', loan, at },
  reschedule: { type: 'RescheduleAttribution', attributionId: 'L-1', ...later, at },
  giveBack: { type: 'ReturnAttribution', attributionId: 'L-1', returnedAt: at, at },
  cancel: { type: 'CancelAttribution', attributionId: 'L-1', reason: 'mistake', at },
  markOverdue: { type: 'MarkOverdue', attributionId: 'L-1', dueVersion: 1, occurrence: 1, daysLate: 0, level: 1, at },
} satisfies Record<string, LoanCommand>;
const types = (events: AttributionEvent[]) => events.map(({ type }) => type);

describe('a loan', () => {
  test('is created once, and a resent creation is not a second fact', () => {
    expect(types(decide(commands.create, after()))).toEqual(['AttributionCreated']);
    expect(decide(commands.create, after(created))).toEqual([]);
  });

  test('is not created over another with the same id', () => {
    const other = { ...commands.create, loan: { ...loan, item: { code: 'X', name: 'Y' } } };
    expect(() => decide(other, after(created))).toThrow(expect.objectContaining({ code: 'attribution-exists' }));
  });

  test('gets a new due version with each new due moment only', () => {
    const [moved] = decide(commands.reschedule, after(created));
    expect(moved).toMatchObject({ type: 'AttributionRescheduled', data: { loan: { ...later, dueVersion: 2 }, previousDue: loan.due } });
    expect(decide(commands.reschedule, after(created, moved!))).toEqual([]);
  });

  test.each([['reschedule'], ['giveBack'], ['cancel']] as const)('%s of an unknown loan is refused by name', (name) => {
    expect(() => decide(commands[name], after())).toThrow(expect.objectContaining({ code: 'unknown-attribution' }));
  });

  test('closes once: what closes it again is no fact, what contradicts it is refused', () => {
    expect(decide(commands.giveBack, after(created, returned))).toEqual([]);
    expect(decide(commands.cancel, after(created, cancelled))).toEqual([]);
    for (const [command, closed] of [[commands.reschedule, returned], [commands.cancel, returned], [commands.giveBack, cancelled]] as const)
      expect(() => decide(command, after(created, closed))).toThrow(expect.objectContaining({ code: 'attribution-closed' }));
  });

  test('can come back late', () => {
    expect(types(decide(commands.giveBack, after(created, overdue)))).toEqual(['AttributionReturned']);
  });
});

describe('being late', () => {
  test('is decided by the loan', () => {
    expect(types(decide(commands.markOverdue, after(created)))).toEqual(['AttributionOverdue']);
  });

  test.each([
    ['it is back', [created, returned]],
    ['it was cancelled', [created, cancelled]],
    ['the notice was already given', [created, overdue]],
    ['nobody knows it', []],
  ])('is no fact when %s', (_, events) => {
    expect(decide(commands.markOverdue, after(...events))).toEqual([]);
  });

  test('is no fact for a due version that was extended, and counts anew for the next', () => {
    const moved = decide(commands.reschedule, after(created, overdue));
    expect(decide(commands.markOverdue, after(created, overdue, ...moved))).toEqual([]);
    expect(types(decide({ ...commands.markOverdue, dueVersion: 2 }, after(created, overdue, ...moved)))).toEqual(['AttributionOverdue']);
  });
});
