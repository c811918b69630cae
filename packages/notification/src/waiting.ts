/** Why a notification is among the waiting. */
export type WaitReason = 'retry' | 'paused' | 'throttled' | 'rate' | 'daily-limit' | 'lease' | 'unknown' | 'held' | 'receipt' | 'replay';

/** A notification that somebody must come back to. Only a reminder: what is to be done is in its events. */
export interface Waiting {
  /** The leader's, where several are told in one message. */
  readonly notificationId: string;
  /** Smaller = more urgent. */
  readonly priority: number;
  readonly reason: WaitReason;
  /** Not before this business moment. */
  readonly notBefore?: string;
  /** Nor before this real moment. */
  readonly notBeforeReal?: string;
}

/** One row taken by one worker; nobody else gets it until the claim ends. */
export interface Claim extends Waiting {
  /** Changes with each `put`, so that a finished claim does not wipe out a newer reminder. */
  readonly revision: number;
}

/**
 * The list of one channel. A row is put *before* or in the same redeliverable step as the event that needs it, so a crash
 * leaves at worst a row too many, which finds nothing to do. Calls reject when the database cannot be reached.
 */
export interface WaitingList {
  /** Adds, or replaces what is there for this notification. */
  put(waiting: Waiting): Promise<void>;
  /** Takes at most `limit` due rows for `leaseMs` real milliseconds, most urgent first; with `inTurn` those that were left alone longest. */
  claim(options: { readonly limit: number; readonly leaseMs: number; readonly now: string; readonly inTurn?: boolean }): Promise<Claim[]>;
  /** Removes it, or sets it to come back, unless it was put anew meanwhile. */
  finish(claim: Claim, next?: Waiting): Promise<void>;
  /** How many wait, by reason. */
  counts(): Promise<Readonly<Partial<Record<WaitReason, number>>>>;
}
