import type { Progress } from '@rappel/event-store';
import type { Command } from 'commander';
import { accessSync, createReadStream, createWriteStream, renameSync, statSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { doing, examples, following, wayTo, type Tell } from '../command.ts';
import type { Context, Io } from '../context.ts';

type Options = Record<string, string | undefined>;

/** `events` and `republish`: the event store as a file, as another store, on the bus once more. */
export function eventCommands(program: Command, io: Io): void {
  const group = program.command('events').description('Export, import and copy the event store')
    .addHelpText('after', examples('events export backup.ndjson', 'events import backup.ndjson --yes', 'events copy --to kurrentdb://localhost:2113?tls=false'));
  group.command('export [file]').description('Every event as NDJSON (default: stdout), with count and checksum in the last line; personal fields stay sealed')
    .action(doing(io, async (context: Context, file: string | undefined) => {
      const { exportEvents } = await import('@rappel/event-store');
      const store = await context.store();
      const share = wayTo(await store.head());
      const part = file && `${file}.part`;
      if (part) context.unfinished(part);
      let events = 0;
      await following(context, async (tell) => {
        const lines = exportEvents(store, { onProgress: (now) => { events = now.events; tell(now.events, share(now.checkpoint)); } });
        await pipeline(Readable.from(lines), part ? createWriteStream(part) : io.stdout, { end: part !== undefined, signal: context.signal });
      });
      if (part) renameSync(part, file);
      if (file) context.out.answer({ file, events }, () => context.out.line(`${events} events in ${file}`));
    }));
  group.command('import <file>').option('--after <checkpoint>', 'skip up to here').description('What export wrote; events that are there are passed over. A line that cannot be read ends it; what came before it stays')
    .action(doing(io, async (context: Context, file: string, { after }: Options) => {
      accessSync(file);
      const { size } = statSync(file);
      const { importEvents } = await import('@rappel/event-store');
      const store = await context.store();
      await context.change(`Import the events of ${file} into this store?`, { command: 'events import' });
      const bytes = createReadStream(file, { signal: context.signal });
      const done = await resumable(context, (told) => importEvents(store, bytes, { ...(after && { after }), onProgress: told }), () => bytes.bytesRead / size);
      context.out.answer(done, () => context.out.line(`${done.events} events read, ${done.written} written, sha256 ${done.sha256}`));
    }));
  group.command('copy').requiredOption('--to <url>', 'postgres://…, kurrentdb://… or esdb://…').option('--after <checkpoint>', 'go on after the last progress of a copy that broke off').description('This store into another, checked by count and checksum')
    .action(doing(io, async (context: Context, { to, after }: Options) => {
      const { copyStore } = await import('@rappel/event-store');
      const [source, target] = [await context.store(), await context.openStore(to!)];
      const share = wayTo(await source.head());
      await target.head();
      await context.change('Copy every event into the other store?', { command: 'events copy' });
      const done = await resumable(context, (told) => copyStore(source, target, { ...(after && { after }), onProgress: told }), share);
      context.out.answer(done, () => context.out.line(`${done.events} events, ${done.written} written, sha256 ${done.sha256}`));
    }));
  republish(program, io);
}

/** Says how to go on when it breaks off; starting anew works as well, it only reads more. */
async function resumable<T>(context: Context, work: (told: (progress: Progress) => void) => Promise<T>, share: (checkpoint: string) => number | undefined): Promise<T> {
  let reached: string | undefined;
  const told = (tell: Tell) => ({ events, checkpoint }: Progress) => {
    reached = checkpoint;
    context.signal.throwIfAborted();
    tell(events, share(checkpoint));
  };
  try {
    return await following(context, (tell) => work(told(tell)));
  } catch (error) {
    if (reached) context.out.note(`broke off; to go on from here: --after ${reached}`);
    throw error;
  }
}

function republish(program: Command, io: Io): void {
  program.command('republish').description('Stored loan events to NATS once more, for a new consumer: on republish.<subject>, so that nobody else gets them twice')
    .option('--after <checkpoint>', 'only later ones').option('--dry-run', 'only count')
    .addHelpText('after', examples('republish --dry-run', 'republish --why "new dashboard" --yes'))
    .action(doing(io, async (context: Context, { after, dryRun }: Options & { dryRun?: boolean }) => (await import('./republish.ts')).republish(context, { after, dryRun })));
}
