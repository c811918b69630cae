import type { Vault } from './port.ts';

/** How dead letters keep their bytes; fits `createDeadLetters` of `@rappel/messaging`. */
export interface ByteSeal {
  seal(bytes: Uint8Array): Promise<Uint8Array>;
  open(bytes: Uint8Array): Promise<Uint8Array>;
}

/** What an erased dead letter holds; JSON, because headers are read as such. */
const ERASED = new TextEncoder().encode('{"erased":"true"}');
const isErased = (bytes: Uint8Array): boolean => Buffer.from(bytes).equals(ERASED);

/** Data key of the bytes that name no borrower: one a day, so that retention can let go of them. */
export const deadLetterSubject = (day: string): string => `dead-letters:${day}`;

type Json = Record<string, unknown> | undefined;
const inside = (value: unknown, key: string): unknown => (typeof value === 'object' && value !== null ? (value as Json)![key] : undefined);

/** Whose data it is, where that can be told: `data.borrower.id`, `borrower.id`, `loan.borrowerId`, `borrowerId`. */
export function borrowerIn(bytes: Uint8Array): string | undefined {
  try {
    const body = JSON.parse(new TextDecoder().decode(bytes)) as unknown;
    const data = inside(body, 'specversion') ? inside(body, 'data') : body;
    const id = inside(inside(data, 'borrower'), 'id') ?? inside(inside(data, 'loan'), 'borrowerId') ?? inside(data, 'borrowerId');
    return typeof id === 'string' && id.length > 0 && id.length <= 100 ? id : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Seals dead letters under the key of the borrower they are about, else under the day's. Of somebody forgotten nothing is kept;
 * what is gone opens as `{"erased":"true"}`.
 */
export function sealingDeadLetters(vault: Vault, today: () => string = () => new Date().toISOString().slice(0, 10)): ByteSeal {
  return {
    seal: async (bytes) => await vault.sealBytes(bytes, { subject: borrowerIn(bytes) ?? deadLetterSubject(today()), context: 'dead-letter' }) ?? ERASED,
    open: async (bytes) => (isErased(bytes) ? bytes : await vault.openBytes(bytes) ?? ERASED),
  };
}
