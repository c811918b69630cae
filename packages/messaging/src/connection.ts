import type { NatsConnection } from '@nats-io/nats-core';

/** The connection was lost while an answer was awaited. */
export class Disconnected extends Error {
  override readonly name = 'Disconnected';
  readonly code = 'disconnected';
  constructor() { super('the connection to NATS was lost'); }
}

/** Tells whether a NATS connection is up. One per connection; see `connectionOf`. */
export interface Connection {
  connected(): boolean;
  /** Calls at every loss (false) and return (true) until the returned function is called. */
  onChange(listener: (connected: boolean) => void): () => void;
  /** Waits for the connection, then runs the work; rejects at once when the connection is lost meanwhile, instead of after a time-out. */
  during<T>(work: () => Promise<T>): Promise<T>;
}

const known = new WeakMap<NatsConnection, Connection>();

export function connectionOf(bus: NatsConnection): Connection {
  const connection = known.get(bus) ?? watch(bus);
  known.set(bus, connection);
  return connection;
}

function watch(bus: NatsConnection): Connection {
  const listeners = new Set<(connected: boolean) => void>();
  let up = true;
  void (async () => {
    for await (const { type } of bus.status()) {
      if (type !== 'disconnect' && type !== 'reconnect') continue;
      up = type === 'reconnect';
      for (const listener of listeners) listener(up);
    }
    // Closed: nothing more can come.
    up = false;
    for (const listener of listeners) listener(false);
  })();
  const onChange = (listener: (connected: boolean) => void) => {
    listeners.add(listener);
    return () => { listeners.delete(listener); };
  };
  return {
    connected: () => up,
    onChange,
    during: async (work) => {
      if (!up) await change(onChange);
      if (!up) throw new Disconnected();
      const lost = change(onChange);
      try {
        return await Promise.race([work(), lost.then(() => { throw new Disconnected(); })]);
      } finally {
        lost.forget();
      }
    },
  };
}

/** Resolves at the next loss or return. */
function change(onChange: Connection['onChange']): Promise<void> & { forget(): void } {
  let forget = () => {};
  const changed = new Promise<void>((resolve) => { forget = onChange(() => { forget(); resolve(); }); });
  return Object.assign(changed, { forget: () => forget() });
}
