import { START, type Checkpoint, type Page, type ReadAllOptions, type ReadStreamOptions, type RecordedEvent } from '@rappel/event-store';
import { boolArray, int4Array, int8Array, textArray } from '@rappel/postgres';
import type { Run } from './connection.ts';
import { checkpointOf, columns, decode, positionOf } from './decode.ts';
import { createGather, type Gather } from './gather.ts';

interface StreamRead extends ReadStreamOptions {
  readonly stream: string;
}

const LAST_VERSION = 2_147_483_647;
const clamp = (value: number): number => Math.min(Math.max(Math.trunc(value), 0), LAST_VERSION);

export type StreamReader = Gather<StreamRead, RecordedEvent[]>;

/** Concurrent reads of streams travel together. */
export function createStreamReader(run: Run): StreamReader {
  return createGather<StreamRead, RecordedEvent[]>({
    lanes: 3,
    mostWeight: 200,
    weightOf: ({ limit }) => (limit === undefined ? 1 : 1 + limit / 100),
    run: async (reads) => {
      const rows = await run('SELECT * FROM event_store.read_streams($1, $2, $3, $4)', [
        textArray(reads.map(({ stream }) => stream)),
        int4Array(reads.map(({ from, backwards }) => clamp(from ?? (backwards ? LAST_VERSION : 1)))),
        boolArray(reads.map(({ backwards }) => backwards ?? false)),
        int8Array(reads.map(({ limit }) => clamp(limit ?? LAST_VERSION))),
      ], { prepared: true });
      const answers: RecordedEvent[][] = reads.map(() => []);
      for (const row of rows) answers[Number(row[0]) - 1]!.push(decode(row, 1));
      return answers;
    },
  });
}

/** One page of the order and the head, from one snapshot: a page that is not full has seen everything up to the head. */
export async function readPage(run: Run, options: ReadAllOptions): Promise<Page> {
  const { categories, limit = 1000, backwards } = options;
  const wanted = categories && [...new Set(categories)];
  const rows = backwards
    ? await run(backwardsQuery(wanted), [startOf(options), clamp(limit), ...(wanted ? [wanted] : [])])
    : await run('SELECT * FROM event_store.read_page($1, $2, $3)', [startOf(options), clamp(limit), wanted ?? null], { prepared: true });
  const events = rows[0]![1] === null ? [] : rows.map((row) => decode(row, 1));
  return { events, head: checkpointOf(rows[0]![0]!) };
}

const startOf = ({ after, backwards }: ReadAllOptions): string =>
  (after === undefined && backwards ? '9223372036854775807' : positionOf(after ?? START));

/** As the function `read_page` does forwards; asked for seldom, so it is planned each time. */
function backwardsQuery(categories: readonly string[] | undefined): string {
  const page = categories
    ? `SELECT e.* FROM unnest($3::text[]) AS c (name) CROSS JOIN LATERAL (
        SELECT * FROM event_store.events e WHERE (e.category, e.position) < (c.name, $1::bigint) AND e.category >= c.name ORDER BY e.category DESC, e.position DESC LIMIT $2
      ) e ORDER BY e.position DESC LIMIT $2`
    : 'SELECT * FROM event_store.events e WHERE e.position < $1::bigint ORDER BY e.position DESC LIMIT $2';
  return `SELECT h.head, ${columns} FROM (SELECT coalesce(max(position), 0) AS head FROM event_store.events) h
    LEFT JOIN LATERAL (${page}) e ON true ORDER BY e.position DESC`;
}

export async function readHead(run: Run): Promise<Checkpoint> {
  const [row] = await run('SELECT coalesce(max(position), 0) FROM event_store.events', []);
  return checkpointOf(row![0]!);
}
