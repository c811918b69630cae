import type { Due, LoanSnapshot } from '@rappel/contracts';
import { dueInstant } from '@rappel/lending';
import { defaultPolicy, Policy, type ActivePolicy } from '../src/policy.ts';

/** A loan for tests: long, due at the desk's closing hour in Paris, unless told otherwise. */
export function loanOf({ id = 'a-1', borrower = 'b-1', due = {}, ...rest }: { id?: string; borrower?: string; due?: Partial<Due> } & Partial<Omit<LoanSnapshot, 'due'>> = {}): LoanSnapshot {
  const whole: Due = { date: '2026-03-30', zone: 'Europe/Paris', ...due };
  return { attributionId: id, borrowerId: borrower, item: { code: 'PERC-001', name: 'Perceuse Bosch' }, duration: 'LONG', dueVersion: 1, dueAt: dueInstant(whole), ...rest, due: whole };
}

export const inForce = (change: Partial<typeof Policy._zod.input> = {}, version = 1, at = '1970-01-01T00:00:00.000Z'): ActivePolicy =>
  ({ version, at, policy: Policy.parse({ ...defaultPolicy, ...change }) });
