import type { EventStore, RecordedEvent } from './port.ts';

/** Turns an event of an older shape into the present one. Gets every event of its type and looks at `metadata.schemaVersion` (absent = 1). */
export type Upcast = (event: RecordedEvent) => RecordedEvent;

/**
 * A store whose reads give events in their present shape: by type, before anything folds or publishes them.
 * What is stored stays as it is; appends and exports of the store beneath are not touched.
 */
export function upcasting(store: EventStore, upcasts: Readonly<Record<string, Upcast>>): EventStore {
  const upcast = (event: RecordedEvent): RecordedEvent => (Object.hasOwn(upcasts, event.type) ? upcasts[event.type]!(event) : event);
  return {
    ...store,
    readStream: async (stream, options) => (await store.readStream(stream, options)).map(upcast),
    readAll: async (options) => (await store.readAll(options)).map(upcast),
    subscribe: async function* subscribe(options) {
      for await (const batch of store.subscribe(options)) yield { ...batch, events: batch.events.map(upcast) };
    },
  };
}
