import type { EventStore } from '@rappel/event-store';
import type { Pool } from '@rappel/postgres';
import type { RebuildProgress } from '@rappel/read-model';
import type { Command } from 'commander';
import { doing, examples, following, wayTo } from '../command.ts';
import type { Context, Io } from '../context.ts';
import { exitCodes, ToolError } from '../errors.ts';
import { count, instant } from '../options.ts';

/** `projection`: the notification log as a function of the events. Works on the databases, with or without the service. */
export function projectionCommands(program: Command, io: Io): void {
  const group = program.command('projection').description('The notification log: where it stands, rebuild it, prove it')
    .addHelpText('after', examples('projection status', 'projection rebuild --yes', 'projection verify --sample 1000', 'projection as-of 2026-03-01T00:00:00Z'));
  group.command('status').description('Position, lag, events set aside')
    .action(doing(io, async (context: Context) => {
      const { logState, setAside } = await import('@rappel/read-model');
      const [pool, store] = [await context.pool(), await context.store()];
      const [state, poison] = [await logState(pool), await setAside(pool, 20)];
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
      const rebuilt = await folding(context, async (tools) => (await import('@rappel/read-model')).rebuildLog({ ...tools, fresh }));
      context.out.answer(rebuilt, () => {
        context.out.line(`${rebuilt.events} events in ${rebuilt.seconds.toFixed(1)} s (${Math.round(rebuilt.rate)}/s), ${rebuilt.after.notifications} notifications, ${rebuilt.after.poison} set aside`);
        context.out.line(`checksum before ${rebuilt.before?.digest ?? '(no log to compare)'}`);
        context.out.line(`checksum after  ${rebuilt.after.digest}${rebuilt.equal === undefined ? '' : rebuilt.equal ? context.out.good('  the same') : context.out.bad('  different')}`);
      });
    }));

  group.command('verify').option('--sample <n>', 'only so many, drawn at random', count(1_000_000)).description('Compare the live log with what the events say')
    .action(doing(io, async (context: Context, { sample }: { sample?: number }) => {
      const verified = await folding(context, async (tools) => (await import('@rappel/read-model')).verifyLog({ ...tools, ...(sample && { sample }) }));
      context.out.answer(verified, () => {
        context.out.line(`${verified.checked} notifications checked: ${verified.equal ? context.out.good('equal') : context.out.bad('different')}`);
        if (verified.live && verified.folded) context.out.line(`checksum live ${verified.live.digest}, folded ${verified.folded.digest}`);
        for (const id of verified.different) context.out.line(id);
      });
      if (!verified.equal) throw new ToolError('the log is not what the events say: run "projection rebuild"');
    }));

  group.command('as-of <moment>').option('--schema <name>', 'where to put its tables', 'log_as_of').description('The log as it was at an instant or a position, as tables of their own')
    .action(doing(io, async (context: Context, moment: string, { schema }: { schema: string }) => {
      const stop = await placeOf(context, moment);
      await context.change(`Fold the log as of ${moment} into the schema ${schema}, in place of what is there?`, { command: 'projection as-of', details: { moment, schema } });
      const then = await folding(context, async (tools) => (await import('@rappel/read-model')).logAsOf({ ...tools, schema, stop }))
        .catch((cause: unknown) => { throw cause instanceof RangeError ? new ToolError(cause.message, exitCodes.usage, { cause }) : cause; });
      context.out.answer({ schema, ...then }, () => context.out.line(`${then.notifications} notifications in the schema ${schema}, checksum ${then.digest}; drop it when you are done`));
    }));
}

/** A moment, or a place of this store. */
async function placeOf(context: Context, text: string): Promise<{ moment: string } | { checkpoint: string }> {
  if (/^\d{4}-/.test(text)) {
    try {
      return { moment: instant(text) };
    } catch (cause) {
      throw new ToolError((cause as Error).message, exitCodes.usage, { cause });
    }
  }
  const head = await (await context.store()).head();
  // Places of one store look alike: its first ones and its last ones are of the same length and letters.
  if (text.length !== head.length || !/^[\d/:-]+$/.test(text)) throw new ToolError(`${text} is neither a moment nor a place of this store (its last one is ${head})`, exitCodes.usage);
  return { checkpoint: text };
}

interface Tools { readonly store: EventStore; readonly pool: Pool; readonly signal: AbortSignal; readonly onProgress: (progress: RebuildProgress) => void }

async function folding<T>(context: Context, work: (tools: Tools) => Promise<T>): Promise<T> {
  const [store, pool] = [await context.store(), await context.pool()];
  const share = wayTo(await store.head());
  try {
    return await following(context, (tell) => work({ store, pool, signal: context.signal, onProgress: ({ events, total, checkpoint }) => tell(events, total ? events / total : share(checkpoint)) }));
  } catch (error) {
    if ((error as { code?: string }).code === 'rebuild-running') throw new ToolError((error as Error).message, exitCodes.refused, { cause: error });
    throw error;
  }
}
