import type { Clock } from '@rappel/contracts';
import type { EventStore } from '@rappel/event-store';
import { borrowersLongOver, type Vault } from '@rappel/privacy';
import type { Logger } from '@rappel/service-kit';
import { v5 as uuidv5 } from 'uuid';
import type { Borrowers } from './commands.ts';

const RETENTION_IDS = '5f2c8f0e-4f53-4c50-9b0c-2d1f8a7b6e94';
const DAY_MS = 86_400_000;

export interface RetentionOptions {
  readonly store: EventStore;
  readonly vault: Vault;
  readonly borrowers: Borrowers;
  readonly clock: Clock;
  /** Days after a borrower's last loan or change before they are forgotten. */
  readonly days: number;
  /** Days that dead letters about nobody in particular can be read. */
  readonly deadLetterDays: number;
}

export interface RetentionRun {
  /** Nothing out, and nothing happened since. */
  readonly before: string;
  /** How many borrowers that concerns. */
  readonly borrowers: number;
  /** How many keys of dead letters' days were destroyed. */
  readonly deadLetterDays: number;
  readonly dryRun: boolean;
}

/** Forgets borrowers whose loans are long over. They may come back: then they are registered anew. Safe to run twice, or by two at once. */
export function createRetention({ store, vault, borrowers, clock, days, deadLetterDays }: RetentionOptions) {
  return async ({ dryRun, actor }: { dryRun: boolean; actor: string }): Promise<RetentionRun> => {
    const before = new Date(Date.parse(clock.now()) - days * DAY_MS).toISOString();
    const over = await borrowersLongOver({ store, before });
    if (dryRun) return { before, borrowers: over.length, deadLetterDays: 0, dryRun };
    for (const borrowerId of over) {
      const id = uuidv5(`${borrowerId}:${before.slice(0, 10)}`, RETENTION_IDS);
      await borrowers.forget(borrowerId, 'retention', { id, correlationId: id, actor });
    }
    const beforeDay = new Date(Date.now() - deadLetterDays * DAY_MS).toISOString().slice(0, 10);
    return { before, borrowers: over.length, deadLetterDays: await vault.expireDeadLetters(beforeDay), dryRun };
  };
}
export type Retention = ReturnType<typeof createRetention>;

/** Runs it once a day, the first time an hour after the start. Returns what stops it, once a run under way has ended. */
export function everyDay(retention: Retention, logger: Logger): () => Promise<void> {
  let running = Promise.resolve();
  const attempt = async () => {
    try {
      logger.info(await retention({ dryRun: false, actor: 'retention' }), 'retention run');
    } catch (err) {
      logger.error({ err }, 'retention run failed');
    }
  };
  const run = () => { running = attempt(); };
  const first = setTimeout(run, DAY_MS / 24).unref();
  const daily = setInterval(run, DAY_MS).unref();
  return async () => {
    clearTimeout(first);
    clearInterval(daily);
    await running;
  };
}
