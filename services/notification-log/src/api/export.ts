import type { Notification } from './schemas.ts';
import { Notification as Schema } from './schemas.ts';

const columns = Object.keys(Schema.shape) as (keyof Notification)[];

/** A header, then one line per notification, CRLF as RFC 4180 has it. */
export async function* csv(pages: AsyncIterable<Notification[]>): AsyncGenerator<string> {
  yield `${columns.join(',')}\r\n`;
  for await (const page of pages) yield page.map((one) => `${columns.map((column) => cell(one[column])).join(',')}\r\n`).join('');
}

/** One JSON object a line. */
export async function* ndjson(pages: AsyncIterable<Notification[]>): AsyncGenerator<string> {
  for await (const page of pages) yield page.map((one) => `${JSON.stringify(one)}\n`).join('');
}

function cell(value: unknown): string {
  if (value === null || value === undefined) return '';
  const text = String(value);
  // A spreadsheet runs what begins like a formula: a quote before it makes it text. A phone number stays one.
  const safe = /^[=@\t\r]|^[+-](?![\d*]+$)/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
