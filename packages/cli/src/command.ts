import { Command } from 'commander';
import { createContext, type Context, type Global, type Io } from './context.ts';
import { exitCodes, ToolError } from './errors.ts';

const PATIENCE_MS = 3000;

/** Runs a command's work with a context that is closed afterwards. Ctrl-C asks the work to stop and cleans up; a second one does not wait. */
export const doing = <A extends unknown[]>(io: Io, work: (context: Context, ...args: A) => Promise<void>) => async function run(this: Command, ...given: unknown[]): Promise<void> {
  const stopping = new AbortController();
  const interrupted = new ToolError('interrupted', exitCodes.interrupted);
  const stop = () => stopping.abort(interrupted);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
  const context = createContext(io, this.optsWithGlobals<Global>(), stopping);
  const tooLong = new Promise<never>((_, reject) => {
    stopping.signal.addEventListener('abort', () => { setTimeout(() => reject(interrupted), PATIENCE_MS).unref(); });
  });
  try {
    // Commander adds the command itself as the last argument.
    await Promise.race([work(context, ...given.slice(0, -1) as A), tooLong]);
  } catch (error) {
    throw stopping.signal.aborted && !(error instanceof ToolError) ? interrupted : error;
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, stop);
    await context.close();
  }
};

export const examples = (...lines: string[]): string => `\nExamples:\n${lines.map((line) => `  $ npm run -s rappel -- ${line}`).join('\n')}\n`;

/** Tells how many events are done and, where known, what share of all that is (0 to 1). */
export type Tell = (events: number, share?: number) => void;

/** Long work on events under a bar with rate and time left. */
export async function following<T>({ out }: Context, work: (tell: Tell) => Promise<T>): Promise<T> {
  const bar = out.progress('events', 0);
  try {
    return await work((events, share) => bar.set(events, share ? Math.max(events, Math.round(events / share)) : undefined));
  } finally {
    bar.stop();
  }
}

/** Judges by the numbers of places in the store how much of the way to `head` is done; undefined where places are no numbers. */
export const wayTo = (head: string) => (checkpoint: string): number | undefined => {
  const place = (text: string) => Number.parseInt(text.split('/')[0]!, 10);
  const share = place(checkpoint) / place(head);
  return share > 0 ? Math.min(1, share) : undefined;
};
