import { KurrentDBClient, type Credentials } from '@kurrent/kurrentdb-client';
import { requireName, StoreUnavailable, type EventStore, type StreamMetadata } from '@rappel/event-store';
import { createAppender } from './append.ts';
import { createCall } from './calls.ts';
import { decode } from './codec.ts';
import { createRead, createStreamReader, readAll, readHead } from './read.ts';
import { subscribe } from './subscribe.ts';

export interface KurrentEventStoreOptions {
  /**
   * `kurrentdb://…`, `kurrentdb+discover://…` or `esdb://…` with the client's own options (TLS, several nodes, node preference);
   * beside them `manyStreams=in-turn`, for the option of that name where nothing but a URL can be given.
   */
  readonly connectionString: string;
  /** Longest wait for an answer, in ms; then the call rejects with `StoreUnavailable`. Default 15,000. */
  readonly timeoutMs?: number;
  /**
   * How `appendMany` writes to several streams. `together` (the default) is all or nothing and needs KurrentDB 25.1;
   * an older server's refusal is passed on. `in turn` works on every server but is not all or nothing: what a failure
   * cuts off is completed by sending the same append again.
   */
  readonly manyStreams?: 'together' | 'in turn';
}

const IN_TURN = /([?&])manyStreams=in-turn(&|$)/;

/** The event store on KurrentDB, or EventStoreDB from 22.10 on. Connects on first use. */
export function createKurrentEventStore({ connectionString: given, timeoutMs = 15_000, ...options }: KurrentEventStoreOptions): EventStore {
  const connectionString = given.replace(IN_TURN, (_, before: string, after: string) => (after ? before : ''));
  const manyStreams = options.manyStreams ?? (IN_TURN.test(given) ? 'in turn' : 'together');
  const client = KurrentDBClient.connectionString(connectionString);
  const call = createCall(timeoutMs);
  const read = createRead(connectionString, timeoutMs);
  const readStream = createStreamReader(read);
  const appender = createAppender({ client, call, read: readStream, manyStreams, credentials: credentialsOf(connectionString) });
  const closing = new AbortController();
  const open = () => { if (closing.signal.aborted) throw new StoreUnavailable('the event store is closed'); };

  return {
    append: async (stream, events, expected) => { open(); return (await appender.append([{ stream, events, expected }]))[0]!; },
    appendMany: async (appends) => { open(); return appender.append(appends); },
    readStream: async (stream, options = {}) => { open(); return (await readStream(stream, options)).map(decode); },
    readAll: async (options = {}) => { open(); return readAll(read, options); },
    subscribe: (options = {}) => subscribe({ client, head: (categories) => readHead(read, categories), closed: closing.signal }, options),
    head: async () => { open(); return readHead(read); },
    readStreamMetadata: async (stream) => (await read((reader) => reader.getStreamMetadata(stream, { requiresLeader: true }))).metadata as StreamMetadata | undefined,
    writeStreamMetadata: async (stream, metadata) => {
      requireName('stream', stream);
      await call(() => client.setStreamMetadata(stream, metadata as Record<string, never>, { requiresLeader: true }));
    },
    close: async () => {
      closing.abort();
      await appender.idle();
      await client.dispose();
    },
  };
}

/**
 * Appends name their credentials: with credentials the client opens one call for each append. Without them appends share
 * one long call, whose break ends the process (an unhandled rejection). On a plaintext connection the client sends none.
 */
function credentialsOf(connectionString: string): Credentials | undefined {
  // By hand: a list of nodes is no URL to `URL`.
  const [, user, query] = /^[^:]+:\/\/(?:([^@/?]*)@)?[^?]*(?:\?(.*))?$/.exec(connectionString) ?? [];
  if (user) {
    const [username, password = ''] = user.split(':').map(decodeURIComponent) as [string, string?];
    return { username, password };
  }
  const isPlain = [...new URLSearchParams(query)].some(([name, value]) => name.toLowerCase() === 'tls' && value.toLowerCase() === 'false');
  return isPlain ? { username: '-', password: '-' } : undefined;
}
