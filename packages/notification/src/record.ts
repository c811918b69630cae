import type { Metadata, NewEvent, Personal, RecordedEvent } from '@rappel/event-store';
import { decide, type NotificationCommand } from './decide.ts';
import type { NotificationEvent } from './events.ts';
import { eventId } from './ids.ts';
import { notificationFold, type Notification } from './notification.ts';

export interface Recording {
  readonly notificationId: string;
  /** Makes the events' ids: the same command recorded again is the same events. */
  readonly commandId: string;
  readonly metadata?: Metadata;
  /** Goes with the first event. */
  readonly personal?: Personal;
}

/** Decides several commands one after the other, each on the state that the one before left. */
export function decideAll(commands: readonly NotificationCommand[], state: Notification): { events: NotificationEvent[]; state: Notification } {
  const events: NotificationEvent[] = [];
  for (const command of commands) {
    const decided = decide(command, state);
    events.push(...decided);
    state = decided.reduce((folded, event) => notificationFold.evolve(folded, event as unknown as RecordedEvent), state);
  }
  return { events, state };
}

/** Decided events as the store takes them. */
export function toNewEvents(events: readonly NotificationEvent[], { notificationId, commandId, metadata, personal }: Recording): NewEvent[] {
  return events.map(({ type, data }, index) => ({
    id: eventId(notificationId, commandId, type),
    type,
    data,
    ...(metadata && { metadata }),
    ...(personal && index === 0 && { personal }),
  }));
}
