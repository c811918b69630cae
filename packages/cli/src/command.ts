import { Command } from 'commander';
import { createContext, type Context, type Global, type Io } from './context.ts';

/** Runs a command's work with a context that is closed afterwards. */
export const doing = <A extends unknown[]>(io: Io, work: (context: Context, ...args: A) => Promise<void>) => async function run(this: Command, ...given: unknown[]): Promise<void> {
  const context = createContext(io, this.optsWithGlobals<Global>());
  try {
    // Commander adds the command itself as the last argument.
    await work(context, ...given.slice(0, -1) as A);
  } finally {
    await context.close();
  }
};

export const examples = (...lines: string[]): string => `\nExamples:\n${lines.map((line) => `  $ npm run -s rappel -- ${line}`).join('\n')}\n`;
