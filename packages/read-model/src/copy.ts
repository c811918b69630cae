import type { Client } from '@rappel/postgres';
import { from } from 'pg-copy-streams';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setImmediate } from 'node:timers/promises';
import type { LogRow } from './row.ts';
import { rowColumns } from './schema.ts';

const columns = Object.values(rowColumns).map(({ column }) => column).join(', ');
const encoders = Object.entries(rowColumns).map(([key, { type }]) => ({ key: key as keyof LogRow, encode: type === 'text' ? escaped : type === 'jsonb' ? json : String }));

/** Rows in COPY's text format. */
export interface Lines {
  readonly rows: number;
  readonly chunks: readonly Buffer[];
}

/** Rows as lines, in chunks; between two of them others get their turn. As bytes: the collector need not carry a whole part's text along. */
export async function encodeRows(rows: readonly LogRow[]): Promise<Lines> {
  const chunks: Buffer[] = [];
  for (let i = 0; i < rows.length; i += CHUNK) {
    if (i > 0) await setImmediate();
    chunks.push(Buffer.from(rows.slice(i, i + CHUNK).map(line).join('')));
  }
  return { rows: rows.length, chunks };
}

const CHUNK = 500;

function line(row: LogRow): string {
  let text = '';
  for (const { key, encode } of encoders) {
    const value = row[key];
    text += value === null ? '\\N\t' : `${encode(value)}\t`;
  }
  // A Buffer would put a replacement character where SQL parameters are refused.
  if (!(text as string & { isWellFormed(): boolean }).isWellFormed()) throw new Unstorable();
  return `${text.slice(0, -1)}\n`;
}

const special: Record<string, string> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };
function escaped(value: unknown): string {
  const text = String(value);
  return /[\\\t\n\r]/.test(text) ? text.replaceAll(/[\\\t\n\r]/g, (found) => special[found]!) : text;
}
function json(value: unknown): string {
  return escaped(JSON.stringify(value));
}

/** A text with half a surrogate pair; coded as PostgreSQL does. */
class Unstorable extends Error {
  override readonly name = 'Unstorable';
  readonly code = '22P05';
}

/** Appends lines of `encodeRows` to a table, all of them: rejects when the server counts others than were sent. */
export async function copyInto(client: Client, table: string, { rows, chunks }: Lines): Promise<void> {
  if (rows === 0) return;
  const copy = client.query(from(`COPY ${table} (${columns}) FROM STDIN`));
  await pipeline(Readable.from(chunks), copy);
  if (copy.rowCount !== rows) throw new Error(`PostgreSQL took ${copy.rowCount} rows where ${rows} were sent`);
}
