import { randomUUID } from 'node:crypto';
import type { AppendStreamState, Credentials, KurrentDBClient } from '@kurrent/kurrentdb-client';
import { EventRefused, prepareAppends, START, VersionConflict, type Append, type Appended, type PreparedAppend } from '@rappel/event-store';
import { isWrongVersion, type Call } from './calls.ts';
import { checkpointOf, encode, writerOf } from './codec.ts';
import type { StreamReader } from './read.ts';

const MOST_ROUNDS = 30;

interface Place {
  readonly version: number;
  readonly checkpoint: string;
}

/** What is known of a stream: the place of every id, as far as it was read. */
interface Known {
  version: number;
  readonly ids: Map<string, Place>;
}

interface Planned {
  readonly append: PreparedAppend;
  readonly known: Known;
  readonly duplicate: Appended | undefined;
}

export interface Appender {
  append(appends: readonly Append[]): Promise<Appended[]>;
  idle(): Promise<unknown>;
}

export interface AppenderOptions {
  readonly client: KurrentDBClient;
  readonly call: Call;
  readonly read: StreamReader;
  readonly credentials: Credentials | undefined;
  readonly manyStreams: 'together' | 'in turn';
}

/**
 * The server alone cannot keep the contract: with the right version it does not look at ids, with none only at recent ones.
 * So ids are looked up here first, every write carries the exact version that was looked at (a write sent again is then
 * exact too), and the written events are read back to see whose write they are.
 */
export function createAppender({ client, call, read, credentials, manyStreams }: AppenderOptions): Appender {
  const queues = new Map<string, Promise<unknown>>();

  async function look({ stream }: PreparedAppend, known: Known = { version: 0, ids: new Map() }): Promise<Known> {
    for (const event of await read(stream, { from: known.version + 1 })) {
      known.ids.set(event.id, { version: Number(event.revision) + 1, checkpoint: checkpointOf(event.position!) });
      known.version = Number(event.revision) + 1;
    }
    return known;
  }

  async function write(planned: readonly Planned[], token: string): Promise<void> {
    const requests = planned.map(({ append: { stream, events }, known: { version } }) =>
      ({ streamName: stream, events: events.map((event) => encode(event, token)), expectedState: stateOf(version) }));
    if (requests.length > 1 && manyStreams === 'together') {
      await call(() => client.multiStreamAppend(requests));
      return;
    }
    for (const { streamName, events, expectedState } of requests) {
      await call(() => client.appendToStream(streamName, events, { streamState: expectedState, requiresLeader: true, ...(credentials && { credentials }) }));
    }
  }

  /** The written events again: their place, and whether this call wrote them or a copy of it did. */
  async function answer({ append: { stream, events }, known }: Planned, token: string): Promise<Appended> {
    const version = known.version + events.length;
    const [last] = await read(stream, { from: version, limit: 1 });
    if (!last) throw new Error(`stream ${stream} was cut off right after an append`);
    return { stream, version, checkpoint: checkpointOf(last.position!), duplicate: writerOf(last) !== token };
  }

  async function appendAll(appends: readonly PreparedAppend[]): Promise<Appended[]> {
    const token = randomUUID();
    let seen: Known[] | undefined;
    for (let round = 1; ; round++) {
      // A first event of a stream is tried at once: when the stream is there, the server says so.
      const blind: boolean = round === 1 && appends.every(({ expected }) => expected === 0);
      seen = blind ? appends.map(() => ({ version: 0, ids: new Map<string, Place>() })) : await Promise.all(appends.map((append, i) => look(append, seen?.[i])));
      const planned = appends.map((append, i): Planned => ({ append, known: seen![i]!, duplicate: judge(append, seen![i]!) }));
      const fresh = planned.filter(({ duplicate }) => !duplicate);
      try {
        if (fresh.length > 0) await write(fresh, token);
        return await Promise.all(planned.map(async (plan) => plan.duplicate ?? answer(plan, token)));
      } catch (error) {
        if (!isWrongVersion(error) || round === MOST_ROUNDS) throw error;
      }
    }
  }

  /** Calls to one stream keep their order. */
  function inTurn<T>(streams: readonly string[], work: () => Promise<T>): Promise<T> {
    const turn = Promise.all(streams.map((stream) => queues.get(stream))).then(work);
    const done = turn.catch(() => undefined);
    for (const stream of streams) queues.set(stream, done);
    void done.then(() => {
      for (const stream of streams) if (queues.get(stream) === done) queues.delete(stream);
      return undefined;
    });
    return turn;
  }

  return {
    append: async (appends) => {
      const prepared = prepareAppends(appends);
      return inTurn(prepared.map(({ stream }) => stream), () => appendAll(prepared));
    },
    idle: () => Promise.all(queues.values()),
  };
}

/** The first answer when all ids are there already; otherwise the append must fit. */
function judge({ stream, events, expected }: PreparedAppend, { version, ids }: Known): Appended | undefined {
  const there = events.flatMap(({ id }) => ids.get(id) ?? []);
  if (there.length === events.length) {
    const last = there.reduce((a, b) => (b.version > a.version ? b : a), { version: 0, checkpoint: START });
    return { stream, ...last, duplicate: true };
  }
  if (there.length > 0) throw new EventRefused(`stream ${stream} already holds ${there.length} of these ${events.length} events`);
  if (expected !== 'any' && expected !== version) throw new VersionConflict({ stream, expected, actual: version });
  return undefined;
}

const stateOf = (version: number): AppendStreamState => (version === 0 ? 'no_stream' : BigInt(version - 1));
