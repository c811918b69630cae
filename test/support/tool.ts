import { PassThrough } from 'node:stream';
import { createProgram } from '../../packages/cli/src/program.ts';

type Program = ReturnType<typeof createProgram>;

/** Every command line of the operators' tool that a page shows, as it stands there. */
export const commandLines = (page: string): string[] =>
  [...page.matchAll(/(?:npm run -s rappel --|`rappel|^\s*\$? ?rappel) +([^`\n]+)/gm)].map(([, line]) => line!.replace(/ +[#|>].*$/, '').trim()).filter((line) => !/^[<…]|^"\$@"/.test(line));

/** Why the tool would not take this line, or nothing. Nothing is run. */
export async function complaint(line: string): Promise<string | undefined> {
  const silent = new PassThrough() as unknown as NodeJS.WriteStream;
  const program = createProgram({ stdout: silent, stderr: silent, stdin: new PassThrough() as unknown as NodeJS.ReadStream, env: {} });
  let taken = false;
  everyCommand(program, (command) => { if (command.commands.length === 0) command.action(() => { taken = true; }); });
  try {
    await program.parseAsync(wordsOf(line), { from: 'user' });
    return taken ? undefined : 'is a group of commands';
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    if (line.includes('--help') && code === 'commander.helpDisplayed') return undefined;
    return code === 'commander.help' ? 'is a group of commands' : message;
  }
}

function everyCommand(command: Program, change: (command: Program) => void): void {
  change(command);
  for (const one of command.commands) everyCommand(one as Program, change);
}

/** As a shell would: words, with quotes around some. */
const wordsOf = (line: string): string[] => [...line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(([, double, single, bare]) => double ?? single ?? bare!);

/** Every command with its options and help. */
export function commands(): { path: string; help: string }[] {
  const silent = new PassThrough() as unknown as NodeJS.WriteStream;
  const program = createProgram({ stdout: silent, stderr: silent, stdin: new PassThrough() as unknown as NodeJS.ReadStream, env: {} });
  const walk = (command: Program, path: string): { path: string; help: string }[] => [
    { path, help: helpOf(command) },
    ...command.commands.flatMap((one) => walk(one as Program, `${path} ${one.name()}`.trim())),
  ];
  return walk(program, '');
}

function helpOf(command: Program): string {
  let text = '';
  command.configureOutput({ writeOut: (part) => { text += part; } });
  command.outputHelp();
  return text;
}
