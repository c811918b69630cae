import { KurrentDBClient, type AllStreamRecordedEvent, type RecordedEvent as KurrentRecorded } from '@kurrent/kurrentdb-client';
import { START, type Checkpoint, type ReadAllOptions, type ReadStreamOptions, type RecordedEvent } from '@rappel/event-store';
import { createCall, isNotFound } from './calls.ts';
import { decode, positionOf } from './codec.ts';

/** Runs a read on the present client, in time and with its errors translated. */
export type Read = <T>(work: (client: KurrentDBClient) => Promise<T>) => Promise<T>;

const RENEWAL_MS = 1000;

/**
 * Reads have a client of their own: they go through the client's native part, which never looks for another node once
 * the one it was connected to is gone (1.3.1). So the client is replaced when a read finds no server, once a second at most.
 */
export function createRead(connectionString: string, timeoutMs: number): Read {
  let client = KurrentDBClient.connectionString(connectionString);
  let madeAt = performance.now();
  const call = createCall(timeoutMs, () => {
    if (performance.now() - madeAt < RENEWAL_MS) return;
    madeAt = performance.now();
    client = KurrentDBClient.connectionString(connectionString);
  });
  return (work) => call(() => work(client));
}

export type StreamReader = (stream: string, options: ReadStreamOptions) => Promise<KurrentRecorded[]>;

/** A stream's events as the server has them; none when there is no such stream. */
export function createStreamReader(read: Read): StreamReader {
  return async (stream, { from, backwards = false, limit }) => {
    if (limit === 0 || (backwards && from !== undefined && from < 1)) return [];
    const fromRevision = from === undefined ? (backwards ? 'end' : 'start') : BigInt(Math.max(from - 1, 0));
    return read(async (client) => {
      const events: KurrentRecorded[] = [];
      const reading = client.readStream(stream, { direction: backwards ? 'backwards' : 'forwards', fromRevision, requiresLeader: true, ...(limit !== undefined && { maxCount: limit }) });
      try {
        for await (const { event } of reading) if (event) events.push(event);
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
      return events;
    });
  };
}

/** Streams of these categories, or all but the server's own. */
export function filterOf(categories: readonly string[] | undefined) {
  const names = categories?.map((category) => category.replaceAll(/[^\w]/g, (character) => (character < '\u0080' ? `\\${character}` : character)));
  return { filterOn: 'streamName' as const, regex: names ? `^(?:${names.join('|')})(?:-|$)` : '^[^$]' };
}

/** One page of the order. The server counts its end positions in, the port does not: one more is read. */
export async function readAll(read: Read, options: ReadAllOptions): Promise<RecordedEvent[]> {
  const { after, backwards = false, categories, limit = 1000 } = options;
  if ((backwards && after === START) || limit < 1 || categories?.length === 0) return [];
  const isWanted = ({ checkpoint }: RecordedEvent) => after === undefined || (backwards ? checkpoint < after : checkpoint > after);
  return read(async (client) => {
    const events: RecordedEvent[] = [];
    const reading = client.readAll({
      direction: backwards ? 'backwards' : 'forwards',
      fromPosition: after === undefined ? (backwards ? 'end' : 'start') : positionOf(after) ?? 'start',
      filter: { ...filterOf(categories), checkpointInterval: 1 }, maxCount: limit + 1, requiresLeader: true,
    });
    for await (const { event } of reading) {
      const recorded = event && decode(event as AllStreamRecordedEvent);
      if (recorded && isWanted(recorded)) events.push(recorded);
    }
    return events.slice(0, limit);
  });
}

export async function readHead(read: Read, categories?: readonly string[]): Promise<Checkpoint> {
  const [last] = await readAll(read, { backwards: true, limit: 1, ...(categories && { categories }) });
  return last?.checkpoint ?? START;
}
