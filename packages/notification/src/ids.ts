import { derivedIds } from '@rappel/event-store';
import type { Identity } from './events.ts';

const idOf = derivedIds('5b4c7b43-6f6e-5d3c-9b0a-7c1f7f3f2a10');

/** One notification per (loan, due version, type, occurrence, channel): a redelivery or a second plan gets the same id. */
export const notificationId = ({ attributionId, dueVersion, type, occurrence, channel }: Omit<Identity, 'notificationId' | 'borrowerId' | 'department'>): string =>
  idOf(JSON.stringify([attributionId, dueVersion, type, occurrence, channel]));

/** Id of an event that a command leads to in one notification's stream: the same command again gives the same id. */
export const eventId = (notification: string, command: string, type: string): string => idOf(`${notification}/${command}/${type}`);
