import type { EventStore } from '../port.ts';

/** What the suite is run on. Everything else in it may already hold events: the suite keeps to streams of its own. */
export interface Subject {
  readonly store: EventStore;
  /** The same events through other connections, as another process has them. In memory: the same store. */
  readonly other: EventStore;
  /** Takes the server away and brings it back with its events; resolves when it is back. In memory: nothing. */
  readonly restart: () => Promise<void>;
  /** Closes both stores and whatever was started. */
  readonly close: () => Promise<void>;
}

export type GetSubject = () => Subject;
