import type { Row } from './figures.ts';
import type { Hosts } from './hosts.ts';

/** What a part is asked to do and on what. */
export interface Context {
  readonly rounds: number;
  /** Loan events of a round of the pipelines. */
  readonly count: number;
  /** Loans that the scheduler plans; a tenth of them fall due at once. */
  readonly loans: number;
  /** Tiny numbers: only shows that it runs. */
  readonly smoke: boolean;
  /** Events stored before each step of `growth`. */
  readonly growth: readonly number[];
  /** Notifications in the log when its questions are asked. */
  readonly notifications: number;
  readonly hosts: Hosts;
  say(text: string): void;
}

/** One chosen benchmark. */
export type Part = (context: Context) => Promise<Row[]>;
