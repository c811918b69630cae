import { createDatabase, startStack } from '@rappel/local-stack';
import { startWorld, type World, type WorldOptions } from './world.ts';

/** A durable PostgreSQL server. */
export interface Server {
  /** An empty database. */
  readonly url: string;
  /** One more. */
  database(): Promise<string>;
  stop(): Promise<void>;
}

/** What the parts run on. */
export interface Hosts {
  /** The whole system. */
  world(): Promise<World>;
  server(): Promise<Server>;
  /** A server and a NATS beside it that lets anybody do anything. */
  broker(): Promise<Server & { readonly natsUrl: string }>;
  /** Stops whatever runs and starts nothing more. */
  close(): Promise<void>;
  closed(): boolean;
}

/**
 * Each part on a system or a server of its own, so that none finds what another left. `shared`: one for all of them, on which
 * figures mean nothing and a run of every part takes seconds.
 */
export function createHosts(options: WorldOptions, { shared }: { shared: boolean }): Hosts {
  const opened = new Set<Promise<() => Promise<void>>>();
  let databases = 0;
  let common: Promise<World> | undefined;
  let closed = false;

  /** Stopped by whoever asked for it, or by `close`, also while it starts. */
  const open = async <T extends { stop(): Promise<void> }>(start: () => Promise<T>): Promise<T> => {
    if (closed) throw new Error('ending');
    const starting = start();
    const entry = starting.then((host) => () => host.stop());
    opened.add(entry);
    entry.catch(() => opened.delete(entry));
    const host = await starting;
    return { ...host, stop: async () => { if (opened.delete(entry)) await host.stop(); } };
  };
  const everybodys = async (): Promise<World> => ({ ...await (common ??= open(() => startWorld(options))), stop: async () => {} });
  const databasesOn = async (server: string) => {
    const database = () => createDatabase(server, `bench_${++databases}`);
    return { url: await database(), database };
  };

  return {
    world: async () => (shared ? everybodys() : open(() => startWorld(options))),
    server: async () => {
      if (shared) return { ...await databasesOn((await everybodys()).stack.postgres!.url), stop: async () => {} };
      const { postgres, stop } = await open(() => startStack({ inbox: false, twilio: false, nats: false }));
      return { ...await databasesOn(postgres!.url), stop };
    },
    broker: async () => {
      const { postgres, nats, stop } = await open(() => startStack({ inbox: false, twilio: false, nats: { configFile: undefined } }));
      return { ...await databasesOn(postgres!.url), natsUrl: nats!.url, stop };
    },
    closed: () => closed,
    close: async () => {
      closed = true;
      await Promise.allSettled([...opened].map(async (entry) => (await entry)()));
    },
  };
}
