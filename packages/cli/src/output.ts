import { SingleBar, Presets } from 'cli-progress';
import Table from 'cli-table3';
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
  /** Ends every bar, so that the terminal is left as it was. */
  stop(): void;
  /** Asks unless `yes`; a `ToolError` when the answer is no, or when nobody can be asked. */
  confirm(question: string, yes: boolean): Promise<void>;
}

export interface Progress {
  set(done: number, total?: number): void;
  stop(): void;
}

interface Streams { readonly stdout: NodeJS.WriteStream; readonly stderr: NodeJS.WriteStream; readonly stdin: NodeJS.ReadStream }

interface Manner {
  readonly json: boolean;
  readonly colour: boolean;
  /** Called on Ctrl-C at a question, where the terminal does not turn it into a signal. */
  readonly interrupt: () => void;
  /** Ends questions. */
  readonly signal: AbortSignal;
}

export function createOutput({ stdout, stderr, stdin }: Streams, { json, colour, interrupt, signal }: Manner): Output {
  const bars = new Set<Progress>();
  const started = (bar: Progress): Progress => {
    bars.add(bar);
    return bar;
  };
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
    progress: (title, total) => started(stderr.isTTY && !json ? bar(title, total, stderr) : lines(title, total, stderr)),
    stop: () => { for (const one of bars) one.stop(); },
    async confirm(question, yes) {
      if (yes) return;
      if (!stdin.isTTY) throw new ToolError(`${question} Nobody can be asked here: say --yes.`, exitCodes.usage);
      const ask = createInterface({ input: stdin, output: stderr });
      ask.on('SIGINT', interrupt);
      // Ctrl-D is no answer, which is no.
      const ended = new Promise<string>((resolve) => { ask.once('close', () => resolve('')); });
      const answer = await Promise.race([ask.question(`${question} [y/N] `, { signal }).catch(() => { throw signal.reason; }), ended]);
      ask.close();
      if (!/^y(es)?$/i.test(answer.trim())) throw new ToolError('left as it was', exitCodes.refused);
    },
  };
}

function bar(title: string, total: number, stream: NodeJS.WriteStream): Progress {
  const one = new SingleBar({ stream, format: `${title} {bar} {value}/{total} {rate}/s, {left} left`, hideCursor: true, clearOnComplete: false, gracefulExit: false }, Presets.shades_classic);
  const started = performance.now();
  one.start(total || 1, 0, { rate: 0, left: '?' });
  return {
    set(done, now = total) {
      const { rate, left } = pace(done, now, started);
      one.setTotal(Math.max(now || done, done, 1));
      one.update(done, { rate, left });
    },
    stop: () => { if (one.isActive) one.stop(); },
  };
}

function lines(title: string, total: number, stream: NodeJS.WriteStream): Progress {
  const started = performance.now();
  let told = started;
  return {
    set(done, now = total) {
      if (performance.now() - told < 2000) return;
      told = performance.now();
      const { rate, left } = pace(done, now, started);
      stream.write(`${title}: ${done}${now ? `/${now}` : ''} (${rate}/s${now ? `, ${left} left` : ''})\n`);
    },
    stop: () => undefined,
  };
}

/** Events a second so far, and how long the rest takes at that; `?` while nobody can say. */
export function pace(done: number, total: number, started: number): { rate: number; left: string } {
  const rate = done / Math.max(0.001, (performance.now() - started) / 1000);
  if (done === 0 || total < done) return { rate: Math.round(rate), left: '?' };
  const seconds = Math.ceil((total - done) / rate);
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return { rate: Math.round(rate), left: h > 0 ? `${h} h ${m} min` : m > 0 ? `${m} min ${s} s` : `${s} s` };
}

/** The names of a service's checks; of those that fail it says so. */
export const checksOf = (checks: Readonly<Record<string, string>>): string => Object.entries(checks).map(([name, state]) => (state === 'up' ? name : `${name} ${state}`)).join(', ');
