import { logAsOf, logState, rebuildLog, setAside, verifyLog, type RebuildProgress } from '@rappel/read-model';
import type { Command } from 'commander';
import { doing, examples } from '../command.ts';
import type { Context, Io } from '../context.ts';
import { exitCodes, ToolError } from '../errors.ts';

/** `projection`: the notification log as a function of the events. Works on the databases, with or without the service. */
export function projectionCommands(program: Command, io: Io): void {
  const group = program.command('projection').description('The notification log: where it stands, rebuild it, prove it')
    .addHelpText('after', examples('projection status', 'projection rebuild --yes', 'projection verify --sample 1000', 'projection as-of 2026-03-01T00:00:00Z'));
  group.command('status').description('Position, lag, events set aside')
    .action(doing(io, async (context: Context) => {
      const [state, poison, store] = [await logState(context.pool()), await setAside(context.pool(), 20), await context.store()];
      const head = await store.head();
      const [next] = await store.readAll({ after: state?.checkpoint ?? '', categories: ['notification'], limit: 1 });
      const answer = { ...state, head, caughtUp: next === undefined, behindMs: next ? Date.now() - Date.parse(next.recordedAt) : 0, setAside: poison };
      context.out.answer(answer, () => {
        context.out.table(['checkpoint', 'head', 'caught up', 'events', 'last event', 'set aside'], [[state?.checkpoint, head, answer.caughtUp, state?.events, state?.recordedAt, state?.poison]]);
        if (poison.length > 0) context.out.table(['stream', 'version', 'type', 'reason'], poison.map((one) => [one.stream, one.version, one.type, one.reason]));
      });
    }));

  group.command('rebuild').option('--fresh', 'forget what an interrupted rebuild left').description('Fold all events beside the live tables, compare, swap')
    .action(doing(io, async (context: Context, { fresh }: { fresh?: boolean }) => {
      await context.change('Rebuild the notification log beside the live one and swap?', { command: 'projection rebuild' });
      const rebuilt = await following(context, (onProgress) => context.store().then((store) => rebuildLog({ store, pool: context.pool(), fresh, onProgress })));
      context.out.answer(rebuilt, () => {
        context.out.line(`${rebuilt.events} events in ${rebuilt.seconds.toFixed(1)} s (${Math.round(rebuilt.rate)}/s), ${rebuilt.after.notifications} notifications, ${rebuilt.after.poison} set aside`);
        context.out.line(`checksum before ${rebuilt.before?.digest ?? '(no log to compare)'}`);
        context.out.line(`checksum after  ${rebuilt.after.digest}${rebuilt.equal === undefined ? '' : rebuilt.equal ? context.out.good('  the same') : context.out.bad('  different')}`);
      });
    }));

  group.command('verify').option('--sample <n>', 'only so many, drawn at random').description('Compare the live log with what the events say')
    .action(doing(io, async (context: Context, { sample }: { sample?: string }) => {
      const verified = await following(context, (onProgress) => context.store().then((store) => verifyLog({ store, pool: context.pool(), onProgress, ...(sample && { sample: Number(sample) }) })));
      context.out.answer(verified, () => {
        context.out.line(`${verified.checked} notifications checked: ${verified.equal ? context.out.good('equal') : context.out.bad('different')}`);
        if (verified.live && verified.folded) context.out.line(`checksum live ${verified.live.digest}, folded ${verified.folded.digest}`);
        for (const id of verified.different) context.out.line(id);
      });
      if (!verified.equal) throw new ToolError('the log is not what the events say: run "projection rebuild"');
    }));

  group.command('as-of <moment>').option('--schema <name>', 'where to put its tables', 'log_as_of').description('The log as it was at an instant or a position, as tables of their own')
    .action(doing(io, async (context: Context, moment: string, { schema }: { schema: string }) => {
      const stop = moment.includes('T') ? { moment: new Date(moment).toISOString() } : { checkpoint: moment };
      const then = await following(context, (onProgress) => context.store().then((store) => logAsOf({ store, pool: context.pool(), schema, stop, onProgress })));
      context.out.answer({ schema, ...then }, () => context.out.line(`${then.notifications} notifications in the schema ${schema}, checksum ${then.digest}; drop it when you are done`));
    }));
}

async function following<T>(context: Context, work: (onProgress: (progress: RebuildProgress) => void) => Promise<T>): Promise<T> {
  const bar = context.out.progress('events', 0);
  try {
    return await work(({ events, total }) => bar.set(events, total));
  } catch (error) {
    if ((error as { code?: string }).code === 'rebuild-running') throw new ToolError((error as Error).message, exitCodes.refused, { cause: error });
    throw error;
  } finally {
    bar.stop();
  }
}
