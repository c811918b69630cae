import type { AllStreamRecordedEvent, KurrentDBClient, RecordedEvent as KurrentRecorded } from '@kurrent/kurrentdb-client';
import { START, type Checkpoint, type ReadAllOptions, type ReadStreamOptions, type RecordedEvent } from '@rappel/event-store';
import { isNotFound, type Call } from './calls.ts';
import { decode, positionOf } from './codec.ts';

export type StreamReader = (stream: string, options: ReadStreamOptions) => Promise<KurrentRecorded[]>;

/** A stream's events as the server has them; none when there is no such stream. */
export function createStreamReader(client: KurrentDBClient, call: Call): StreamReader {
  return async (stream, { from, backwards = false, limit }) => {
    if (limit === 0 || (backwards && from !== undefined && from < 1)) return [];
    const fromRevision = from === undefined ? (backwards ? 'end' : 'start') : BigInt(Math.max(from - 1, 0));
    return call(async () => {
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
export async function readAll(client: KurrentDBClient, call: Call, options: ReadAllOptions): Promise<RecordedEvent[]> {
  const { after, backwards = false, categories, limit = 1000 } = options;
  if ((backwards && after === START) || limit < 1 || categories?.length === 0) return [];
  const isWanted = ({ checkpoint }: RecordedEvent) => after === undefined || (backwards ? checkpoint < after : checkpoint > after);
  return call(async () => {
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

export async function readHead(client: KurrentDBClient, call: Call, categories?: readonly string[]): Promise<Checkpoint> {
  const [last] = await readAll(client, call, { backwards: true, limit: 1, ...(categories && { categories }) });
  return last?.checkpoint ?? START;
}

