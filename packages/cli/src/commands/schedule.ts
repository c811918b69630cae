import type { Command } from 'commander';
import { readFileSync } from 'node:fs';
import { doing, examples } from '../command.ts';
import type { Context, Io } from '../context.ts';
import { exitCodes, ToolError } from '../errors.ts';
import { count, due, instant, type LocalDue } from '../options.ts';

type Options = Record<string, string | undefined>;
interface Rung { type: string; n: number; at: string; skip?: string; done?: string; why: string }
interface Counts { reminders: number; messages: number }
interface Change { loans: number; loansChanged: number; byType: Record<string, { before: Counts; after: Counts }>; examples: { attributionId: string; before: string[]; after: string[] }[] }
interface Previewed { policyVersion: number; loan?: { rungs: Rung[] }; change?: Change }
interface InForce { version: number; at: string; policy: object; actor?: string; why?: string }

/** `schedule` and `policy`. */
export function scheduleCommands(program: Command, io: Io): void {
  schedule(program, io);
  policy(program, io);
}

function schedule(program: Command, io: Io): void {
  const group = program.command('schedule').description('What a loan will send, and when')
    .addHelpText('after', examples('schedule preview --due 2026-03-28 --duration LONG --zone Europe/Paris', 'schedule preview --policy policy.json', 'schedule show l-1'));
  group.command('preview').description('What a loan would send, what a policy would change for the loans that are out, or what a loan would send under that policy; nothing is stored')
    .option('--due <date>', 'of a loan that need not exist: local date, with or without a time', due).option('--duration <duration>', 'COURT, MOYEN, LONG', 'LONG').option('--zone <zone>', "where the borrower lives and the due moment is told; default: the department's").option('--department <id>').option('--category <id>')
    .option('--policy <file>', 'a policy as `policy show` prints it (- = stdin)').option('--at <instant>', 'as if it were then', instant)
    .action(doing(io, async (context: Context, { due: local, duration, zone, department, category, policy: file, at }: Options & { due?: LocalDue }) => {
      if (!local && !file) throw new ToolError('name a due date (--due), a policy (--policy) or both', exitCodes.usage);
      const loan = local && { duration, due: { ...local, zone }, zone, department, category };
      const answer = await preview(context, { loan, policy: file && policyIn(file), at });
      context.out.answer(answer, () => {
        if (answer.loan) showRungs(context, answer.loan.rungs);
        if (answer.change) showChange(context, answer.change);
      });
    }));
  group.command('show <id>').description("A loan's own schedule")
    .action(doing(io, async (context: Context, id: string) => {
      const answer = await context.call<{ rungs: Rung[] }>('scheduler', `/schedule/${encodeURIComponent(id)}`);
      context.out.answer(answer, () => showRungs(context, answer.rungs));
    }));
}

function policy(program: Command, io: Io): void {
  const group = program.command('policy').description('What is sent when: the policy in force, and its change')
    .addHelpText('after', examples('policy show > policy.json', 'schedule preview --policy policy.json', 'policy activate policy.json --why "remind at 10:00"'));
  group.command('show').option('--version <n>', 'default: the one in force', count(1_000_000)).description('As a file to change')
    .action(doing(io, async (context: Context, { version }: { version?: number }) => {
      const answer = await inForce(context, version);
      context.out.answer(answer, () => {
        context.out.note(`version ${answer.version}, in force from ${answer.at}${answer.actor ? `, by ${answer.actor}` : ''}${answer.why ? `: ${answer.why}` : ''}`);
        context.out.line(JSON.stringify(answer.policy, null, 2));
      });
    }));
  group.command('activate <file>').description('Puts a policy in force from now on; open loans are planned anew. Says first what would change')
    .option('--based-on <version>', 'the version that the file was made from; refused when another is in force. Default: the one in force', count(1_000_000))
    .action(doing(io, async (context: Context, file: string, { basedOn }: { basedOn?: number }) => {
      const wanted = policyIn(file);
      const from = basedOn ?? (await inForce(context)).version;
      const { change } = await preview(context, { policy: wanted });
      const why = await context.change(`Put this policy in force? It changes ${change!.loansChanged} of ${change!.loans} loan(s) that are out.`, { command: 'policy activate', details: { basedOn: from, loansChanged: change!.loansChanged } });
      const answer = await context.call<InForce>('scheduler', '/policy', { method: 'PUT', body: { policy: wanted, basedOn: from, why } });
      context.out.answer(answer, () => context.out.line(`version ${answer.version} is in force`));
    }));
}

const inForce = (context: Context, version?: number): Promise<InForce> => context.call('scheduler', '/policy', { query: { version } });

const preview = (context: Context, asked: object): Promise<Previewed> => context.call('scheduler', '/schedule/preview', { method: 'POST', body: JSON.parse(JSON.stringify(asked)) as object });

function policyIn(file: string): object {
  try {
    return JSON.parse(readFileSync(file === '-' ? 0 : file, 'utf8')) as object;
  } catch (error) {
    throw new ToolError(`${file} cannot be read as JSON: ${(error as Error).message}`, exitCodes.usage);
  }
}

function showRungs({ out }: Context, rungs: readonly Rung[]): void {
  out.table(['type', 'at', 'state', 'why'], rungs.map(({ type, at, skip, done, why }) => [type, at, done ? `done ${done}` : skip ? `skipped: ${skip}` : 'planned', why]));
}

function showChange({ out }: Context, { loans, loansChanged, byType, examples: met }: Change): void {
  out.line(`${loansChanged} of ${loans} loan(s) that are out would change`);
  out.table(['type', 'reminders now', 'then', 'messages now', 'then'], Object.entries(byType).map(([type, { before, after }]) => [type, before.reminders, after.reminders, before.messages, after.messages]));
  if (met.length > 0) out.table(['loan', 'now', 'then'], met.map(({ attributionId, before, after }) => [attributionId, before.join('\n'), after.join('\n')]));
}
