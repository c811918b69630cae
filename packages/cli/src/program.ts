import { Command, CommanderError } from 'commander';
import { eventCommands } from './commands/events.ts';
import { loanCommands } from './commands/loans.ts';
import { logCommands } from './commands/log.ts';
import { peopleCommands } from './commands/people.ts';
import { projectionCommands } from './commands/projection.ts';
import { repairCommands } from './commands/repair.ts';
import { scheduleCommands } from './commands/schedule.ts';
import { doctorCommand, statusCommand } from './commands/status.ts';
import { completionScript } from './completion.ts';
import type { Io } from './context.ts';
import { exitCodes, toToolError } from './errors.ts';

const after = `
Settings come from the environment, then .env, then the local stack that runs in this checkout ("npm start"):
  RAPPEL_API_KEY, RAPPEL_LOAN_URL, RAPPEL_SCHEDULER_URL, RAPPEL_EMAIL_URL, RAPPEL_WHATSAPP_URL, RAPPEL_LOG_URL,
  DATABASE_URL, EVENT_STORE_URL, NATS_URL, NATS_USER, NATS_PASSWORD, RAPPEL_MASTER_KEY

What changes something asks first (or takes --yes) and is recorded with who (--as) and why (--why).
Exit codes: 0 done, 1 failed, different or in need of attention, 2 wrong usage, 3 refused or not found, 4 not reachable, 130 interrupted.`;

/** The whole tool: every command, its help, its options. */
export function createProgram(io: Io): Command {
  const program = new Command('rappel').description('Rappel, for operators: see what failed and why, mend it, replay exactly that')
    .option('--json', 'answer as JSON').option('--no-colour', 'no colours (also NO_COLOR, and whenever the output is not a terminal)')
    .option('-y, --yes', 'do not ask').option('--as <name>', 'who does it (default: the user of this machine)').option('--why <reason>', 'why, for the record')
    .addHelpText('after', after).showHelpAfterError('(add --help for what is possible)').configureHelp({ showGlobalOptions: true })
    .configureOutput({ writeOut: (text) => { io.stdout.write(text); }, writeErr: (text) => { io.stderr.write(text); } });
  doctorCommand(program, io);
  statusCommand(program, io);
  loanCommands(program, io);
  scheduleCommands(program, io);
  logCommands(program, io);
  repairCommands(program, io);
  projectionCommands(program, io);
  eventCommands(program, io);
  peopleCommands(program, io);
  program.command('completion <shell>').description('A completion script for bash, zsh or fish')
    .addHelpText('after', '\nExamples:\n  $ rappel() { npm run -s rappel -- "$@"; }\n  $ source <(rappel completion bash)          # or zsh\n  $ rappel completion fish | source\n')
    .action((shell: string) => { io.stdout.write(completionScript(program, shell)); });
  everyCommand(program, (command) => command.exitOverride().copyInheritedSettings(program));
  return program;
}

function everyCommand(command: Command, change: (command: Command) => void): void {
  change(command);
  for (const one of command.commands) everyCommand(one, change);
}

/** Runs one command line; resolves with the exit code and never rejects. */
export async function runTool(args: readonly string[], io: Io): Promise<number> {
  try {
    await createProgram(io).parseAsync([...args], { from: 'user' });
    return exitCodes.ok;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    const { message, exitCode } = toToolError(error);
    io.stderr.write(`${message}\n`);
    return exitCode;
  }
}
