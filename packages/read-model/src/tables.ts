import type { Checkpoint } from '@rappel/event-store';
import type { Client } from '@rappel/postgres';
import { copyInto, encodeRows } from './copy.ts';
import { tallyOf, type Changes, type Poison } from './fold.ts';
import { raiseRedaction } from './redaction.ts';
import type { LogRow } from './row.ts';
import { factColumns, PROJECTION, rowColumns } from './schema.ts';
import { facts } from './tally.ts';

type Columns = Record<string, { column: string; type: string }>;
const names = (columns: Columns) => Object.values(columns).map(({ column }) => column).join(', ');
/** One JSON parameter, however many rows and columns: far fewer parameters than rows, and nothing to quote. */
const recordset = (columns: Columns) => `json_to_recordset($1) AS t(${Object.entries(columns).map(([key, { type }]) => `"${key}" ${type}`).join(', ')})`;
const keys = (columns: Columns) => Object.keys(columns).map((key) => `t."${key}"`).join(', ');

/** For rows that are there already, whole. */
export const overwrite = `ON CONFLICT (notification_id) DO UPDATE SET ${Object.values(rowColumns).slice(1).map(({ column }) => `${column} = excluded.${column}`).join(', ')}`;
const upsertRows = (schema: string) => `INSERT INTO ${schema}.notification (${names(rowColumns)}) SELECT ${keys(rowColumns)} FROM ${recordset(rowColumns)} ${overwrite}`;

const addFacts = (schema: string) => `INSERT INTO ${schema}.tally AS old (${names(factColumns)}) SELECT ${keys(factColumns)} FROM ${recordset(factColumns)}
ON CONFLICT (measure, grain, at, type, channel, department, value) DO UPDATE SET n = old.n + excluded.n`;

const insertPoison = (schema: string) => `INSERT INTO ${schema}.poison (event_id, checkpoint, stream, version, type, reason, recorded_at, event)
SELECT id, checkpoint, stream, version, type, reason, "recordedAt", event FROM json_to_recordset($1)
AS t(id uuid, checkpoint text, stream text, version int, type text, reason text, "recordedAt" timestamptz, event jsonb) ON CONFLICT (stream, version) DO NOTHING`;

/** Rows as the fold knows them, from a table: instants as ISO strings. */
export const selectRows = (from: string): string => `SELECT ${Object.entries(rowColumns).map(([key, { column }]) => `${from}.${column} AS "${key}"`).join(', ')}`;

const TIMESTAMPTZ = 1184;
const BIGINT = 20;
const parse: Record<number, (value: string) => unknown> = {
  [TIMESTAMPTZ]: (value) => new Date(value).toISOString(),
  [BIGINT]: Number,
};
/** Result types of the log's queries: instants are ISO strings, counts are numbers; JSON and the rest as ever. */
export const logTypes = {
  getTypeParser: (oid: number) => parse[oid] ?? (oid === 3802 || oid === 114 ? JSON.parse : small[oid] ?? String),
};
const small: Record<number, (value: string) => unknown> = { 21: Number, 23: Number, 700: Number, 701: Number, 16: (value) => value === 't' };

export async function loadRows(client: Client, schema: string, ids: readonly string[]): Promise<Map<string, LogRow>> {
  if (ids.length === 0) return new Map();
  const { rows } = await client.query<LogRow>({
    text: `${selectRows('n')} FROM ${schema}.notification n WHERE n.notification_id = ANY($1::uuid[])`, values: [ids], types: logTypes,
  });
  return new Map(rows.map((row) => [row.notificationId, row]));
}

export async function loadParked(client: Client, schema: string, streams?: readonly string[]): Promise<Set<string>> {
  const { rows } = streams
    ? await client.query<{ stream: string }>(`SELECT DISTINCT stream FROM ${schema}.poison WHERE stream = ANY($1)`, [streams])
    : await client.query<{ stream: string }>(`SELECT DISTINCT stream FROM ${schema}.poison`);
  return new Set(rows.map(({ stream }) => stream));
}

/** From so many new rows on COPY, which takes 40 % off what PostgreSQL does for each, is worth its extra round trip. */
const MANY = 10;

export async function writeChanges(client: Client, schema: string, changes: Changes): Promise<void> {
  const { rows, before } = changes;
  const added = [...rows.values()].filter(({ notificationId }) => !before.has(notificationId));
  const many = added.length >= MANY;
  const rest = many ? [...rows.values()].filter(({ notificationId }) => before.has(notificationId)) : [...rows.values()];
  if (many) await copyInto(client, `${schema}.notification`, await encodeRows(added));
  if (rest.length > 0) await client.query(upsertRows(schema), [JSON.stringify(rest)]);
  const counted = facts(tallyOf(changes));
  if (counted.length > 0) await client.query(addFacts(schema), [JSON.stringify(counted)]);
  await writePoison(client, schema, changes.poison);
  // Last: rows that this batch changed may have been read before.
  await raiseRedaction(client, schema, changes.redactBefore);
}

export async function writePoison(client: Client, schema: string, poison: readonly Poison[]): Promise<void> {
  if (poison.length > 0) await client.query(insertPoison(schema), [JSON.stringify(poison.map(flat), storable)]);
}

const flat = ({ event, reason }: Poison) => {
  const { id, checkpoint, stream, version, type, recordedAt } = event;
  return { id, checkpoint, stream, version, type: String(type), reason: reason.slice(0, 500), recordedAt, event: { ...event, personal: undefined } };
};
/** What PostgreSQL's jsonb refuses: NUL and halves of surrogate pairs. */
const unstorable = /\u0000|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
const storable = (_: string, value: unknown) => (typeof value === 'string' ? value.replace(unstorable, '\ufffd') : value);

/** How far a generation of the log has come. */
export interface Progress {
  readonly version: number;
  readonly checkpoint: Checkpoint;
  /** Events folded in since the start. */
  readonly events: number;
  /** When the store took the last of them (real time). */
  readonly recordedAt: string | null;
  readonly writtenAt: string;
}

/** `lock` keeps others from writing this generation until the transaction ends. Undefined where nothing was ever written. */
export async function readProgress(client: Client, schema: string, { lock = false } = {}): Promise<Progress | undefined> {
  const { rows } = await client.query<Progress>({
    text: `SELECT version, checkpoint, events, recorded_at AS "recordedAt", written_at AS "writtenAt" FROM ${schema}.progress WHERE projection = $1${lock ? ' FOR UPDATE' : ''}`,
    values: [PROJECTION.name], types: logTypes,
  });
  return rows[0];
}

export async function beginProgress(client: Client, schema: string): Promise<void> {
  await client.query(
    `INSERT INTO ${schema}.progress (projection, version, checkpoint, events, written_at) VALUES ($1, $2, '', 0, now()) ON CONFLICT DO NOTHING`,
    [PROJECTION.name, PROJECTION.version],
  );
}

export interface Step {
  readonly from: Checkpoint;
  readonly to: Checkpoint;
  readonly events: number;
  readonly recordedAt?: string;
}

/** Moves the checkpoint by compare-and-set; `CheckpointMoved` when somebody else did. */
export async function moveProgress(client: Client, schema: string, { from, to, events, recordedAt }: Step): Promise<void> {
  const { rowCount } = await client.query(
    `UPDATE ${schema}.progress SET checkpoint = $1, events = events + $2, recorded_at = coalesce($3, recorded_at), written_at = now()
     WHERE projection = $4 AND version = $5 AND checkpoint = $6`,
    [to, events, recordedAt ?? null, PROJECTION.name, PROJECTION.version, from],
  );
  if (rowCount !== 1) throw new CheckpointMoved(`the log is no longer at ${from === '' ? 'its start' : from}`);
}

/** Another writer or a finished rebuild moved the log on: read where it is and go on from there. */
export class CheckpointMoved extends Error {
  override readonly name = 'CheckpointMoved';
  readonly code = 'checkpoint-moved';
}
