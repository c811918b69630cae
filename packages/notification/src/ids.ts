import { v5 } from 'uuid';
import type { Identity } from './events.ts';

const NAMESPACE = '5b4c7b43-6f6e-5d3c-9b0a-7c1f7f3f2a10';

/** One notification per (loan, due version, type, occurrence, channel): a redelivery or a second plan gets the same id. */
export const notificationId = ({ attributionId, dueVersion, type, occurrence, channel }: Omit<Identity, 'notificationId' | 'borrowerId' | 'department'>): string =>
  v5(JSON.stringify([attributionId, dueVersion, type, occurrence, channel]), NAMESPACE);

/** Id of an event that a command leads to in one notification's stream: the same command again gives the same id. */
export const eventId = (notification: string, command: string, type: string): string => v5(`${notification}/${command}/${type}`, NAMESPACE);
