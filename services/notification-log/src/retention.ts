import type { Clock } from '@rappel/contracts';
import type { EventStore } from '@rappel/event-store';
import type { Pool } from '@rappel/postgres';
import { redactedBefore, redactionSteps, redactRecipients, type RedactionStep } from '@rappel/read-model';

export interface RecipientRetentionOptions {
  readonly store: EventStore;
  readonly pool: Pool;
  readonly clock: Clock;
  /** Days after which a notification no longer shows whom it went to. */
  readonly days: number;
}

export interface RecipientRun {
  /** Requested before. */
  readonly before: string;
  /** How many recipients the log held of those. */
  readonly recipients: number;
  readonly dryRun: boolean;
}

export function createRecipientRetention({ store, pool, clock, days }: RecipientRetentionOptions) {
  return {
    /** Redacts recipients that are too old. The log follows within moments, by the events that are recorded. Safe to run twice, or by two at once. */
    async run({ dryRun, actor, signal }: { dryRun: boolean; actor: string; signal?: AbortSignal }): Promise<RecipientRun> {
      const at = clock.now();
      const before = new Date(Date.parse(at) - days * 86_400_000).toISOString();
      return { before, recipients: await redactRecipients({ store, pool, before, at, actor, dryRun, ...(signal && { signal }) }), dryRun };
    },
    /** Seconds (business time) since recipients that the log still holds became too old; 0 when there are none. */
    async lateSeconds(): Promise<number> {
      const { rows: [row] } = await pool.query<{ oldest: Date | null }>('SELECT min(requested_at) AS oldest FROM log.notification WHERE requested_at >= $1', [await redactedBefore(pool) ?? '-infinity']);
      const age = row?.oldest ? Date.parse(clock.now()) - row.oldest.getTime() - days * 86_400_000 : 0;
      return Math.max(0, age / 1000);
    },
    /** The last steps of all runs, newest first. */
    done: (): Promise<RedactionStep[]> => redactionSteps(store, 100),
  };
}
export type RecipientRetention = ReturnType<typeof createRecipientRetention>;
