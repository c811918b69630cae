import type { Command } from 'commander';
import { doing, examples } from '../command.ts';
import type { Context, Io } from '../context.ts';
import { exitCodes, ToolError } from '../errors.ts';
import { count, due, type LocalDue } from '../options.ts';

type Options = Record<string, string | undefined>;
interface Due { due: LocalDue }

/** `loans`. */
export function loanCommands(program: Command, io: Io): void {
  const group = program.command('loans').description('Lend, take back, move, cancel')
    .addHelpText('after', examples(
      'loans create --id l-1 --borrower b-1 --first-name Jean --email jean@example.org --item PERC-001 --item-name "Perceuse Bosch" --due 2026-03-28T18:00 --duration LONG',
      'loans return l-1', 'loans reschedule l-1 --due 2026-04-02', 'loans cancel l-1 --why "never collected"', 'loans import loans.csv --yes',
    ));
  group.command('create').description('Lend an item. The borrower is recorded as named here: an address, locale or zone that is left out is none from now on')
    .requiredOption('--id <id>').requiredOption('--borrower <id>').requiredOption('--first-name <name>').requiredOption('--item <code>').requiredOption('--item-name <name>').requiredOption('--due <date>', 'local date, with or without a time: 2026-03-28T18:00', due)
    .option('--duration <duration>', 'COURT, MOYEN, LONG', 'LONG').option('--zone <zone>', 'where the borrower lives, and of the due moment').option('--last-name <name>').option('--email <address>').option('--phone <number>').option('--locale <locale>').option('--department <id>').option('--category <id>')
    .action(doing(io, async (context: Context, { due: local, ...options }: Options & Due) => {
      const loan = {
        attributionId: options['id'], duration: options['duration'], due: { ...local, zone: options['zone'] }, item: { code: options['item'], name: options['itemName'] },
        borrower: { id: options['borrower'], firstName: options['firstName'], lastName: options['lastName'], email: options['email'], phone: options['phone'], locale: options['locale'], zone: options['zone'] },
        department: options['department'], category: options['category'],
      };
      const { CreateAttribution } = await import('@rappel/contracts');
      const parsed = CreateAttribution.safeParse(loan);
      if (!parsed.success) throw new ToolError(parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('\n'), exitCodes.usage);
      await context.change(`Lend ${options['item']} to ${options['borrower']} as ${options['id']}?`, { command: 'loans create', details: { attributionId: options['id'] } });
      stored(context, await context.call('loan', '/attributions', { method: 'POST', body: JSON.parse(JSON.stringify(loan)) }), 'lent');
    }));
  change(group, io, { name: 'return', path: 'return', done: 'returned', question: 'is back', body: () => ({}) });
  change(group, io, { name: 'cancel', path: 'cancel', done: 'cancelled', question: 'does not take place', body: (_, why) => ({ reason: why.slice(0, 200) }) });
  change(group.command('reschedule <id>').requiredOption('--due <date>', 'local date, with or without a time', due).option('--zone <zone>', 'of that moment'), io, { path: 'reschedule', done: 'rescheduled', question: 'is due at another moment', body: ({ due: local, zone }) => ({ due: { ...local, zone } }) });

  group.command('import <file>').description('Loans from a file: NDJSON (- = stdin), one object a line as for POST /attributions, or .csv with those fields as columns. Bad lines are left out and told; importing twice changes nothing')
    .option('--parallel <n>', 'requests at once', count(64), 8)
    .addHelpText('after', `
CSV: the first line names the columns, separated by , or ;
  attributionId,duration,due.date,due.time,item.code,item.name,borrower.id,borrower.firstName,borrower.email,borrower.phone
  l-1,LONG,2026-03-28,18:00,PERC-001,Perceuse Bosch,b-1,Jean,jean@example.org,0612345678
${examples('loans import loans.ndjson --yes', 'loans import loans.csv --why "moved from the old list"')}`)
    .action(doing(io, async (context: Context, file: string, { parallel }: { parallel: number }) => (await import('./import.ts')).importLoans(context, file, parallel)));
}

interface Change { name?: string; path: string; done: string; question: string; body: (options: Options & Partial<Due>, why: string) => object }

function change(parent: Command, io: Io, { name, path, done, question, body }: Change): void {
  const command = name ? parent.command(`${name} <id>`) : parent;
  command.description(`The loan ${question}`).action(doing(io, async (context: Context, id: string, options: Options & Partial<Due>) => {
    const why = await context.change(`Loan ${id} ${question}?`, { command: `loans ${path}`, details: { attributionId: id } });
    stored(context, await context.call('loan', `/attributions/${encodeURIComponent(id)}/${path}`, { method: 'POST', body: body(options, why) }), done);
  }));
}

const stored = (context: Context, answer: unknown, done: string) => context.out.answer(answer, () => context.out.line(done));
