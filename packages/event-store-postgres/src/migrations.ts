import type { Migration } from '@rappel/postgres';
import { firstWriteGroup } from './append-sql-8.ts';
import { appendGroup, judgeGroup, writeGroup } from './append-sql.ts';
import { readCategories, readPages, readStreams } from './read-sql.ts';

export const SCHEMA = 'event_store';

const dropFirstAppendGroup = 'DROP FUNCTION IF EXISTS append_group(int[], text[], int[], int[], int[], int[], uuid[], text[], text[], json[], json[], json[], timestamptz[]);';

/** Numbered steps; a released one never changes. */
export const migrations: readonly Migration[] = [
  {
    id: 1,
    name: 'streams and events',
    sql: `
CREATE SEQUENCE stream_ids;
CREATE TABLE streams (
  name text COLLATE "C" PRIMARY KEY,
  id bigint NOT NULL
);
CREATE TABLE stream_metadata (
  stream text COLLATE "C" PRIMARY KEY,
  metadata json NOT NULL
);
CREATE TABLE events (
  position bigint PRIMARY KEY,
  stream_id bigint NOT NULL,
  version int NOT NULL,
  id uuid NOT NULL,
  recorded_at timestamptz(3) NOT NULL,
  category text COLLATE "C" NOT NULL,
  stream text COLLATE "C" NOT NULL,
  type text NOT NULL,
  data json NOT NULL,
  personal json,
  metadata json
);
CREATE UNIQUE INDEX events_by_stream ON events (stream_id, version);
CREATE UNIQUE INDEX events_by_id ON events (stream_id, id) WHERE version > 8;
CREATE INDEX events_by_category ON events (category, position);
`,
  },
  { id: 2, name: 'group append', sql: '' }, // a function that step 6 took the place of and step 8 removes
  { id: 3, name: 'grouped reads', sql: readStreams },
  { id: 4, name: 'pages', sql: readPages },
  { id: 5, name: 'judging apart', sql: judgeGroup },
  { id: 6, name: 'lighter appends', sql: appendGroup },
  { id: 7, name: 'pages by category', sql: readCategories },
  { id: 8, name: 'whole groups', sql: `${dropFirstAppendGroup}${firstWriteGroup}` },
  { id: 9, name: 'new streams unseen', sql: writeGroup },
];
