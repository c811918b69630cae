import type { EventStore, NewEvent } from '@rappel/event-store';
import type { Vault } from './port.ts';

/**
 * The store with every open `personal` part sealed before it is written, bound to its stream.
 * Reads give back what is stored: open it with `vault.open` where it is needed, and nowhere else.
 */
export function sealing(store: EventStore, vault: Vault): EventStore {
  const seal = (stream: string, events: readonly NewEvent[]): Promise<readonly NewEvent[]> | readonly NewEvent[] =>
    events.some(({ personal }) => personal?.state === 'open')
      ? Promise.all(events.map(async (event) => (event.personal ? Object.assign({}, event, { personal: await vault.seal(event.personal, stream) }) : event)))
      : events;
  return {
    append: async (stream, events, expected) => store.append(stream, await seal(stream, events), expected),
    appendMany: async (appends) =>
      store.appendMany(await Promise.all(appends.map(async ({ stream, events, expected }) => ({ stream, events: await seal(stream, events), expected })))),
    readStream: (stream, options) => store.readStream(stream, options),
    readAll: (options) => store.readAll(options),
    subscribe: (options) => store.subscribe(options),
    head: () => store.head(),
    readStreamMetadata: (stream) => store.readStreamMetadata(stream),
    writeStreamMetadata: (stream, metadata) => store.writeStreamMetadata(stream, metadata),
    close: () => store.close(),
  };
}
