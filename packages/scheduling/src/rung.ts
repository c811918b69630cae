import type { Channel, ReminderType } from '@rappel/contracts';

/** What a rung leads to: a reminder of that type, or (`RETARD`) the moment at which the item is late. */
export type RungType = ReminderType | 'RETARD';

/**
 * Why nothing is sent: `already-past` when it was planned, `too-late` to be of use, `overtaken` by a later rung,
 * `quiet-hours` that end too late.
 */
export type SkipReason = 'already-past' | 'too-late' | 'overtaken' | 'quiet-hours';

/** One moment of a loan's schedule. (attribution, due version, `type`, `n`) is its identity. */
export interface Rung {
  readonly type: RungType;
  /** Occurrence, from 1. */
  readonly n: number;
  readonly at: string;
  /** Useless from this instant on; absent = never (overdue). */
  readonly until?: string;
  readonly channels?: Channel[];
  /** Escalation step of an overdue notice, from 1. */
  readonly level?: number;
  /** Known at planning not to be sent. */
  readonly skip?: SkipReason;
  /** Version of the policy it was planned under. */
  readonly policy: number;
  /** What became of it; absent = still to come. */
  readonly done?: 'emitted' | SkipReason;
}

/** Unique within one due version of one loan. */
export const rungKey = ({ type, n }: Pick<Rung, 'type' | 'n'>): string => `${type}/${n}`;
