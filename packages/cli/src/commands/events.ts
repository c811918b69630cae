import { publicEvents } from '@rappel/contracts';
import { copyStore, exportEvents, importEvents, type EventStore, type Progress, type RecordedEvent } from '@rappel/event-store';
import { writeEnvelope } from '@rappel/messaging';
import { headers as natsHeaders } from '@nats-io/nats-core';
import type { Command } from 'commander';
import { createReadStream, createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { doing, examples } from '../command.ts';
import type { Context, Io } from '../context.ts';
import { exitCodes, ToolError } from '../errors.ts';

type Options = Record<string, string | undefined>;

/** `events` and `republish`: the event store as a file, as another store, on the bus once more. */
export function eventCommands(program: Command, io: Io): void {
  const group = program.command('events').description('Export, import and copy the event store')
    .addHelpText('after', examples('events export backup.ndjson', 'events import backup.ndjson --yes', 'events copy --to kurrentdb://localhost:2113?tls=false'));
  group.command('export [file]').description('Every event as NDJSON (default: stdout), with count and checksum in the last line; personal fields stay sealed')
    .action(doing(io, async (context: Context, file: string | undefined) => {
      let events = 0;
      await following(context, async (progress) => {
        const lines = exportEvents(await context.store(), { onProgress: (now) => { events = now.events; progress(now.events); } });
        await pipeline(Readable.from(lines), file ? createWriteStream(file) : io.stdout, { end: file !== undefined });
      });
      if (file) context.out.answer({ file, events }, () => context.out.line(`${events} events in ${file}`));
    }));
  group.command('import <file>').option('--after <checkpoint>', 'skip up to here').description('What export wrote; events that are there are passed over')
    .action(doing(io, async (context: Context, file: string, { after }: Options) => {
      await context.change(`Import the events of ${file} into this store?`, { command: 'events import' });
      const store = await context.store();
      const done = await resumable(context, (onProgress) => importEvents(store, createReadStream(file), { ...(after && { after }), onProgress }));
      context.out.answer(done, () => context.out.line(`${done.events} events read, ${done.written} written, sha256 ${done.sha256}`));
    }));
  group.command('copy').requiredOption('--to <url>', 'postgres://…, kurrentdb://… or esdb://…').option('--after <checkpoint>', 'go on after the last progress of a copy that broke off').description('This store into another, checked by count and checksum')
    .action(doing(io, async (context: Context, { to, after }: Options) => {
      const [source, target] = [await context.store(), await context.openStore(to!)];
      await context.change('Copy every event into the other store?', { command: 'events copy' });
      const done = await resumable(context, (onProgress) => copyStore(source, target, { ...(after && { after }), onProgress }));
      context.out.answer(done, () => context.out.line(`${done.events} events, ${done.written} written, sha256 ${done.sha256}`));
    }));
  republish(program, io);
}

async function following<T>(context: Context, work: (progress: (events: number) => void) => Promise<T>): Promise<T> {
  const bar = context.out.progress('events', 0);
  try {
    return await work((events) => bar.set(events));
  } finally {
    bar.stop();
  }
}

/** Says how to go on when it breaks off; starting anew works as well, it only reads more. */
async function resumable<T>(context: Context, work: (onProgress: (progress: Progress) => void) => Promise<T>): Promise<T> {
  let reached: string | undefined;
  try {
    return await following(context, (progress) => work(({ events, checkpoint }) => { reached = checkpoint; progress(events); }));
  } catch (error) {
    if (reached) context.out.note(`broke off; to go on from here: --after ${reached}`);
    throw error;
  }
}

function republish(program: Command, io: Io): void {
  program.command('republish').description('Stored loan events to NATS once more, for a new consumer: on republish.<subject>, so that nobody else gets them twice')
    .option('--after <checkpoint>', 'only later ones').option('--dry-run', 'only count')
    .addHelpText('after', examples('republish --dry-run', 'republish --why "new dashboard" --yes'))
    .action(doing(io, async (context: Context, { after, dryRun }: Options & { dryRun?: boolean }) => {
      const store = await context.store();
      let count = 0;
      for await (const _ of announced(store, after)) count += 1;
      if (dryRun) return context.out.answer({ events: count }, () => context.out.line(`${count} events would be published`));
      const bus = await context.bus();
      await context.change(`Publish ${count} events on republish.loan.*?`, { command: 'republish', details: { events: count } });
      const bar = context.out.progress('events', count);
      let done = 0;
      for await (const event of announced(store, after)) {
        const { headers, payload } = writeEnvelope({ specversion: '1.0', id: event.id, source: '/rappel/loan', type: event.type, subject: event.stream.slice('attribution-'.length), time: event.recordedAt, correlationid: event.metadata.correlationId ?? event.id, data: event.data });
        const all = natsHeaders();
        for (const [key, value] of Object.entries({ ...headers, 'Nats-Msg-Id': event.id, 'rappel-position': event.checkpoint })) all.set(key, value);
        bus.publish(`republish.${publicEvents[event.type as 'AttributionCreated'].subject}`, payload, { headers: all });
        done += 1;
        if (done % 500 === 0) await bus.flush();
        bar.set(done, count);
      }
      await bus.flush().finally(() => bar.stop());
      context.out.answer({ events: done }, () => context.out.line(`${done} events published`));
    }));
}

/** The loan service announces its events as they are stored. */
async function* announced(store: EventStore, after = ''): AsyncGenerator<RecordedEvent> {
  for (let from = after; ;) {
    const page = await store.readAll({ after: from, categories: ['attribution'], limit: 1000 }).catch((cause: unknown) => { throw new ToolError('the event store cannot be read from there', exitCodes.failed, { cause }); });
    yield* page.filter(({ type }) => type in publicEvents);
    if (page.length < 1000) return;
    from = page.at(-1)!.checkpoint;
  }
}
