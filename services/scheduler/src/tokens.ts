/** Injection tokens of the scheduler service. */
export const BOOK = 'scheduler:book';
export const SCHEDULER = 'scheduler:scheduler';
