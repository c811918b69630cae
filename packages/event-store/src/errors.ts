/** The stream did not hold the expected number of events. */
export class VersionConflict extends Error {
  override readonly name = 'VersionConflict';
  readonly code = 'version-conflict';
  readonly stream: string;
  readonly expected: number;
  readonly actual: number;
  constructor(conflict: { stream: string; expected: number; actual: number }, options?: ErrorOptions) {
    super(`stream ${conflict.stream} holds ${conflict.actual} events, expected ${conflict.expected}`, options);
    this.stream = conflict.stream;
    this.expected = conflict.expected;
    this.actual = conflict.actual;
  }
}

/** The event can never be stored as it is. */
export class EventRefused extends Error {
  override readonly name = 'EventRefused';
  readonly code = 'event-refused';
}

/** The server did not answer in time; an append may or may not have happened. Send the same ids again. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
  readonly code = 'store-unavailable';
}

const hasCode = (error: unknown, code: string): boolean => error instanceof Error && (error as { code?: unknown }).code === code;
export const isVersionConflict = (error: unknown): error is VersionConflict => hasCode(error, 'version-conflict');
export const isEventRefused = (error: unknown): error is EventRefused => hasCode(error, 'event-refused');
export const isStoreUnavailable = (error: unknown): error is StoreUnavailable => hasCode(error, 'store-unavailable');
