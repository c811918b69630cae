import type { Clock } from '@rappel/contracts';
import type { EventStore } from '@rappel/event-store';
import { borrowersLongOver, type Vault } from '@rappel/privacy';

const DAY_MS = 86_400_000;

export interface RetentionOptions {
  readonly store: EventStore;
  readonly vault: Vault;
  readonly clock: Clock;
  /** Days after a borrower's last loan or change before their personal data is erased. */
  readonly days: number;
  /** Days that dead letters about nobody in particular can be read. */
  readonly deadLetterDays: number;
}

export interface RetentionRun {
  /** Nothing out, and nothing happened since. */
  readonly before: string;
  /** How many borrowers that concerns: those whose key was still there. */
  readonly borrowers: number;
  /** How many keys of dead letters' days were destroyed. */
  readonly deadLetterDays: number;
  readonly dryRun: boolean;
}

/**
 * Destroys the keys of borrowers whose loans are long over. No event is needed: whoever reads finds nothing to open, as does
 * a rebuild. They may come back: their next loan seals their data under a new key. Safe to run twice, or by two at once.
 */
export function createRetention({ store, vault, clock, days, deadLetterDays }: RetentionOptions) {
  return async ({ dryRun }: { dryRun: boolean }): Promise<RetentionRun> => {
    const before = new Date(Date.parse(clock.now()) - days * DAY_MS).toISOString();
    const held = await vault.held(await borrowersLongOver({ store, before }));
    if (dryRun) return { before, borrowers: held.length, deadLetterDays: 0, dryRun };
    const borrowers = await vault.expire(held);
    const beforeDay = new Date(Date.now() - deadLetterDays * DAY_MS).toISOString().slice(0, 10);
    return { before, borrowers, deadLetterDays: await vault.expireDeadLetters(beforeDay), dryRun };
  };
}
export type Retention = ReturnType<typeof createRetention>;
