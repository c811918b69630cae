import Table from 'cli-table3';
import { MultiBar, Presets } from 'cli-progress';
import { createInterface } from 'node:readline/promises';
import { styleText } from 'node:util';
import { exitCodes, ToolError } from './errors.ts';

export type Cell = string | number | boolean | null | undefined;

export interface Output {
  /** `--json`: data goes to stdout as JSON, and nothing else does. */
  readonly json: boolean;
  /** The answer: as JSON, or as `show` draws it. */
  answer(data: unknown, show: () => void): void;
  line(text?: string): void;
  table(head: readonly string[], rows: readonly (readonly Cell[])[]): void;
  /** To stderr, so that pipes stay clean. */
  note(text: string): void;
  good(text: string): string;
  bad(text: string): string;
  dim(text: string): string;
  /** A bar with rate and time left on a terminal, a line now and then elsewhere. `total` 0 = not known. */
  progress(title: string, total: number): Progress;
  /** Asks unless `yes`; a `ToolError` when the answer is no, or when nobody can be asked. */
  confirm(question: string, yes: boolean): Promise<void>;
}

export interface Progress {
  set(done: number, total?: number): void;
  stop(): void;
}

interface Streams { readonly stdout: NodeJS.WriteStream; readonly stderr: NodeJS.WriteStream; readonly stdin: NodeJS.ReadStream }

export function createOutput({ stdout, stderr, stdin }: Streams, { json, colour }: { json: boolean; colour: boolean }): Output {
  const paint = (style: 'green' | 'red' | 'dim', text: string) => (colour ? styleText(style, text) : text);
  const line = (text = '') => { stdout.write(`${text}\n`); };
  return {
    json, line,
    answer(data, show) {
      if (json) line(JSON.stringify(data, null, 2));
      else show();
    },
    table(head, rows) {
      if (rows.length === 0) return line(paint('dim', '(none)'));
      const table = new Table({ head: [...head], style: { head: colour ? ['cyan'] : [], border: colour ? ['grey'] : [], compact: true } });
      for (const row of rows) table.push(row.map((cell) => (cell === null || cell === undefined ? '' : String(cell))));
      line(table.toString());
    },
    note: (text) => { stderr.write(`${text}\n`); },
    good: (text) => paint('green', text),
    bad: (text) => paint('red', text),
    dim: (text) => paint('dim', text),
    progress: (title, total) => (stderr.isTTY && !json ? bar(title, total, stderr) : lines(title, total, stderr)),
    async confirm(question, yes) {
      if (yes) return;
      if (!stdin.isTTY) throw new ToolError(`${question} Nobody can be asked here: say --yes.`, exitCodes.usage);
      const ask = createInterface({ input: stdin, output: stderr });
      const answer = await ask.question(`${question} [y/N] `);
      ask.close();
      if (!/^y(es)?$/i.test(answer.trim())) throw new ToolError('left as it was', exitCodes.refused);
    },
  };
}

function bar(title: string, total: number, stream: NodeJS.WriteStream): Progress {
  const bars = new MultiBar({ stream, format: `${title} {bar} {value}/{total} {rate}/s, {eta_formatted} left`, hideCursor: true }, Presets.shades_classic);
  const one = bars.create(total || 1, 0, { rate: 0 });
  const started = performance.now();
  return {
    set(done, now = total) {
      one.setTotal(Math.max(now || done, done, 1));
      one.update(done, { rate: Math.round(done / ((performance.now() - started) / 1000)) });
    },
    stop: () => bars.stop(),
  };
}

function lines(title: string, total: number, stream: NodeJS.WriteStream): Progress {
  const started = performance.now();
  let told = started;
  return {
    set(done, now = total) {
      if (performance.now() - told < 2000) return;
      told = performance.now();
      stream.write(`${title}: ${done}${now ? `/${now}` : ''} (${Math.round(done / ((told - started) / 1000))}/s)\n`);
    },
    stop: () => undefined,
  };
}
