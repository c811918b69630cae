import type { Scope } from '@rappel/auth';
import type { Command } from 'commander';
import { doing, examples } from '../command.ts';
import type { Context, Io } from '../context.ts';
import { exitCodes, ToolError } from '../errors.ts';
import { instant } from '../options.ts';

type Options = Record<string, string | undefined>;

/** `borrower`, `retention`, `key`: whose data is held, and who may ask. */
export function peopleCommands(program: Command, io: Io): void {
  program.command('borrower').description('What is held about a borrower')
    .addHelpText('after', examples('borrower forget b-42 --why "asked on 2026-03-01"'))
    .command('forget <id>').description('Destroy the key of all personal data of the borrower; cannot be undone')
    .action(doing(io, async (context: Context, id: string) => {
      const why = await context.change(`Make everything personal about ${id} unreadable for ever?`, { command: 'borrower forget', details: { borrowerId: id } });
      const answer = await context.call('loan', `/borrowers/${encodeURIComponent(id)}/forget`, { method: 'POST', body: { why } });
      context.out.answer(answer, () => context.out.line('forgotten'));
    }));

  const retention = program.command('retention').description('Let go of what is held too long')
    .addHelpText('after', examples('retention run --dry-run', 'retention run --yes', 'retention list'));
  retention.command('list').description('Recipients that were taken out of the log, newest first')
    .action(doing(io, async (context: Context) => {
      const { items } = await context.call<{ items: { before: string; notifications: number; at: string; actor: string | null }[] }>('notification-log', '/retention');
      context.out.answer(items, () => context.out.table(['requested before', 'recipients', 'at', 'by'], items.map((one) => [one.before, one.notifications, one.at, one.actor])));
    }));
  retention.command('run').option('--dry-run', 'only count').description('Forget borrowers whose loans are long over, and whom old notifications went to')
    .action(doing(io, async (context: Context, { dryRun }: { dryRun?: boolean }) => {
      const ask = async (dry: boolean) => {
        const call = <T>(service: 'loan' | 'notification-log') => context.call<T>(service, '/retention', { method: 'POST', body: { dryRun: dry } });
        const [{ borrowers, before }, log] = [await call<{ borrowers: number; before: string }>('loan'), await call<{ recipients: number; before: string }>('notification-log')];
        return { borrowers, before, recipients: log.recipients, requestedBefore: log.before, dryRun: dry };
      };
      const say = ({ borrowers, before, recipients, requestedBefore }: Awaited<ReturnType<typeof ask>>) =>
        `${borrowers} borrower(s) with loans over before ${before}, ${recipients} recipient(s) of notifications requested before ${requestedBefore}`;
      let answer = await ask(true);
      if (!dryRun && answer.borrowers + answer.recipients > 0) {
        await context.change(`Forget ${say(answer)}?`, { command: 'retention run', details: { borrowers: answer.borrowers, recipients: answer.recipients } });
        answer = await ask(false);
      }
      context.out.answer(answer, () => context.out.line(`${say(answer)}${dryRun ? ' (nothing changed)' : ''}`));
    }));

  const key = program.command('key').description('API keys, and the master key')
    .addHelpText('after', examples('key create dashboard --scopes log:read', 'key list', 'key revoke 1f2e3d4c5b6a7988 --why "left"', 'key rewrap'));
  key.command('create <name>').requiredOption('--scopes <scopes>', 'loans:write, log:read, personal:read, ops, admin; several with commas').option('--expires <instant>', 'default: never', instant).description('Make one; its token is shown once')
    .action(doing(io, async (context: Context, name: string, { scopes: wanted, expires }: Options) => {
      const [{ createApiKey, migrateAuth }, pool] = await Promise.all([import('@rappel/auth'), context.pool()]);
      await migrateAuth(pool);
      await context.change(`Make a key ${name} for ${wanted}?`, { command: 'key create', details: { name, scopes: wanted } });
      const made = await createApiKey(pool, { name, scopes: wanted!.split(',').map((scope) => scope.trim()) as Scope[], ...(expires && { expiresAt: expires }) })
        .catch((cause: unknown) => { throw cause instanceof RangeError ? new ToolError(cause.message, exitCodes.usage, { cause }) : cause; });
      context.out.answer(made, () => context.out.line(`${made.token}\n${context.out.dim('Keep it: it is stored only as a hash.')}`));
    }));
  key.command('list').description('All keys, without their tokens')
    .action(doing(io, async (context: Context) => {
      const [{ listApiKeys, migrateAuth }, pool] = await Promise.all([import('@rappel/auth'), context.pool()]);
      await migrateAuth(pool);
      const keys = await listApiKeys(pool);
      context.out.answer(keys, () => context.out.table(['id', 'name', 'scopes', 'created', 'last used', 'state'], keys.map((one) => [one.id, one.name, one.scopes.join(' '), one.createdAt, one.lastUsedAt, one.revokedAt ? `revoked ${one.revokedAt}` : 'valid'])));
    }));
  key.command('revoke <id>').description('From now on nobody gets in with it')
    .action(doing(io, async (context: Context, id: string) => {
      await context.change(`Revoke the key ${id}?`, { command: 'key revoke', details: { id } });
      const { revokeApiKey } = await import('@rappel/auth');
      if (!await revokeApiKey(await context.pool(), id)) throw new ToolError(`there is no valid key with the id ${id}: see "key list"`, exitCodes.refused);
      context.out.answer({ id, revoked: true }, () => context.out.line('revoked'));
    }));
  key.command('rewrap').description("Wrap borrowers' keys that hang on an older master key under the current one; no event changes")
    .action(doing(io, async (context: Context) => {
      await context.change("Wrap the borrowers' keys under the current master key?", { command: 'key rewrap' });
      const rewrapped = await (await context.vault()).rewrap();
      context.out.answer({ rewrapped }, () => context.out.line(`${rewrapped} key(s) wrapped anew`));
    }));
}
