import { CreateAttribution } from '@rappel/contracts';
import { parse } from 'csv-parse';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { keyOf, type Context } from '../context.ts';
import { exitCodes, ToolError } from '../errors.ts';

interface Row { readonly line: number; readonly loan: object }
interface Failure { readonly line: number; readonly reason: string }

/**
 * Loans from NDJSON (one object a line, as for POST /attributions) or CSV (first line: names of those fields, `borrower.id`,
 * `due.date` …; empty = not given). Every line is looked at before anything is sent; what cannot be used is left out and told
 * with its line and reason, the rest goes. A line that was imported before changes nothing.
 */
export async function importLoans(context: Context, file: string, parallel: number): Promise<void> {
  const { rows, failures } = await read(file);
  const left = failures.length > 0 ? ` ${failures.length} line(s) cannot be used and are left out.` : '';
  if (rows.length > 0) await context.change(`Import ${rows.length} loan(s)?${left}`, { command: 'loans import', details: { loans: rows.length } });
  const refused = await send(context, rows, parallel);
  const all = [...failures, ...refused].sort((a, b) => a.line - b.line);
  const imported = rows.length - refused.length;
  context.out.answer({ imported, failures: all }, () => {
    context.out.line(`${imported} of ${rows.length + failures.length} loans imported`);
    if (all.length > 0) context.out.table(['line', 'why not'], all.map(({ line, reason }) => [line, reason]));
  });
  if (all.length > 0) throw new ToolError(`${all.length} line(s) were refused: mend them and import the file again, the others change nothing`, exitCodes.refused);
}

async function send(context: Context, rows: readonly Row[], parallel: number): Promise<Failure[]> {
  const failures: Failure[] = [];
  const bar = context.out.progress('loans', rows.length);
  let [next, done] = [0, 0];
  const worker = async () => {
    for (let row = rows[next++]; row && !context.signal.aborted; row = rows[next++]) {
      try {
        await context.call('loan', '/attributions', { method: 'POST', body: row.loan, idempotencyKey: keyOf(JSON.stringify(row.loan)) });
      } catch (error) {
        // Nobody there: no use in trying the others.
        if (!(error instanceof ToolError) || error.exitCode === exitCodes.unreachable) {
          next = rows.length;
          throw error;
        }
        failures.push({ line: row.line, reason: error.message });
      }
      bar.set(++done, rows.length);
    }
  };
  try {
    await Promise.all(Array.from({ length: parallel }, worker));
    context.signal.throwIfAborted();
    return failures;
  } catch (error) {
    context.out.note(`${done} of ${rows.length} loans were sent before that: import the file again, what was imported changes nothing`);
    throw error;
  } finally {
    bar.stop();
  }
}

async function read(file: string): Promise<{ rows: Row[]; failures: Failure[] }> {
  const input: Readable = file === '-' ? process.stdin : createReadStream(file);
  const [rows, failures]: [Row[], Failure[]] = [[], []];
  for await (const { line, value } of /\.csv$/i.test(file) ? csv(input) : ndjson(input)) {
    const parsed = value instanceof Error ? undefined : CreateAttribution.safeParse(value);
    if (value instanceof Error) failures.push({ line, reason: value.message });
    else if (!parsed!.success) failures.push({ line, reason: parsed!.error.issues.map(({ path, message }) => `${path.join('.') || 'loan'}: ${message}`).join('\n') });
    else rows.push({ line, loan: value as object });
  }
  return { rows, failures };
}

interface Read { readonly line: number; readonly value: unknown }

async function* ndjson(input: Readable): AsyncGenerator<Read> {
  let line = 0;
  // The stream's own error (no such file) does not reach whoever reads its lines.
  const broken = new Promise<never>((_, reject) => { input.once('error', reject); });
  broken.catch(() => undefined);
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })[Symbol.asyncIterator]();
  for (;;) {
    const { value: text, done } = await Promise.race([lines.next(), broken]);
    if (done) return;
    line += 1;
    if (text.trim() !== '') yield { line, value: json(text.replace(/^\uFEFF/, '')) };
  }
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    return error;
  }
}

async function* csv(input: Readable): AsyncGenerator<Read> {
  const parser = parse({ bom: true, columns: (names: string[]) => known(names), info: true, skip_empty_lines: true, trim: true, relax_column_count: true, delimiter: [',', ';'] });
  input.once('error', (error) => parser.destroy(error));
  try {
    for await (const { record, info } of input.pipe(parser) as AsyncIterable<{ record: Record<string, string>; info: { lines: number } }>) yield { line: info.lines, value: nested(record) };
  } catch (error) {
    throw String((error as { code?: string }).code).startsWith('CSV_') ? new ToolError((error as Error).message, exitCodes.usage, { cause: error }) : error;
  }
}

const fields = ['attributionId', 'duration', 'department', 'category', 'at', 'item.code', 'item.name', 'due.date', 'due.time', 'due.zone',
  ...['id', 'firstName', 'lastName', 'email', 'phone', 'locale', 'zone', 'preferences.email', 'preferences.whatsapp', 'preferences.preferred', 'preferences.both', 'preferences.fallback'].map((name) => `borrower.${name}`)];

function known(names: string[]): string[] {
  const strange = names.filter((name) => !fields.includes(name));
  if (strange.length > 0) throw new ToolError(`no such column: ${strange.map((name) => name.slice(0, 40)).join(', ')}; known are ${fields.join(', ')}`, exitCodes.usage);
  return names;
}

/** `{ 'due.date': … }` → `{ due: { date: … } }`; yes and no where a preference stands. */
function nested(record: Record<string, string>): object {
  const loan: Record<string, unknown> = {};
  for (const [name, text] of Object.entries(record)) {
    if (text === '') continue;
    const path = name.split('.');
    const last = path.pop()!;
    let place = loan;
    for (const step of path) place = (place[step] ??= {}) as Record<string, unknown>;
    place[last] = /^borrower\.preferences\.(?!preferred)/.test(name) && /^(true|false)$/i.test(text) ? text.toLowerCase() === 'true' : text;
  }
  return loan;
}
