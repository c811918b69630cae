import type { DeadLetters } from '@rappel/messaging';
import { InvalidArgumentError, type Command } from 'commander';
import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { doing, examples } from '../command.ts';
import type { ServiceName } from '../config.ts';
import type { Context, Io } from '../context.ts';
import { exitCodes, ToolError } from '../errors.ts';
import { count, instant } from '../options.ts';

const channels = { EMAIL: 'email', WHATSAPP: 'whatsapp' } as const satisfies Record<string, ServiceName>;
const serviceOf = (channel: string): ServiceName => {
  const service = channels[channel.toUpperCase() as keyof typeof channels];
  if (!service) throw new ToolError('a channel is EMAIL or WHATSAPP', exitCodes.usage);
  return service;
};

/** `replay`, `deadletters`, `unknown`, `channel`: mend what did not get through. */
export function repairCommands(program: Command, io: Io): void {
  replay(program, io);
  deadLetters(program, io);
  unknown(program, io);
  channel(program, io);
}

interface Counted { matching: number; ids: string[]; replayed: string[]; refused: { notificationId: string; reason: string }[] }
type Options = Record<string, string | undefined>;

function replay(program: Command, io: Io): void {
  program.command('replay [ids...]').description('Send failed notifications again: by id, or all that match; counts first')
    .option('--channel <channel>', 'default: both').option('--type <type>').option('--class <class>', 'RECIPIENT, CONFIG, TRANSIENT, …').option('--code <code>').option('--from <instant>', 'requested at or after', instant).option('--to <instant>', 'requested before', instant)
    .option('--dry-run', 'only count')
    .addHelpText('after', examples('replay --class CONTENT --dry-run', 'replay --channel WHATSAPP --code 63016 --why "template approved" --yes', 'replay 2c75edef-bde2-4641-836e-6a4015c806ab'))
    .action(doing(io, async (context: Context, ids: string[], options: Options & { dryRun?: boolean }) => {
      const targets = options['channel'] ? [serviceOf(options['channel'])] : Object.values(channels);
      const filter = { ...(ids.length > 0 && { ids }), class: options['class'], code: options['code'], type: options['type'], from: options['from'], to: options['to'] };
      if (Object.values(filter).every((value) => value === undefined)) throw new ToolError('name ids, or at least one of --class, --code, --type, --from and --to', exitCodes.usage);
      const ask = (run: boolean, why: string) => Promise.all(targets.map(async (service) => ({ service, ...await context.call<Counted>(service, '/replay', { method: 'POST', body: { filter, run, why } }) })));
      const counted = await ask(false, 'counting');
      const total = counted.reduce((sum, { matching }) => sum + matching, 0);
      const show = (rows: typeof counted) => context.out.answer(rows, () => context.out.table(['channel', 'matching', 'replayed', 'refused'], rows.map((row) => [row.service, row.matching, row.replayed.length, row.refused.length])));
      const refused = counted.flatMap((row) => row.refused);
      for (const { notificationId, reason } of refused) context.out.note(`${notificationId}: ${reason}`);
      if (ids.length > 0 && total === 0) throw new ToolError(refused.length > 0 ? `nothing to replay: ${[...new Set(refused.map(({ reason }) => reason))].join(', ')}` : 'there is no such notification', exitCodes.refused);
      if (options.dryRun || total === 0) return show(counted);
      const why = await context.change(`Send ${total} failed notification(s) again?`, { command: 'replay', details: { total, filter: JSON.parse(JSON.stringify(filter)) as object } });
      show(await ask(true, why));
    }));
}

function deadLetters(program: Command, io: Io): void {
  const letters = async (context: Context): Promise<DeadLetters> => {
    const [{ createDeadLetters }, { sealingDeadLetters }, pool] = await Promise.all([import('@rappel/messaging'), import('@rappel/privacy'), context.pool()]);
    return createDeadLetters(pool, context.config.get('RAPPEL_MASTER_KEY') ? sealingDeadLetters(await context.vault()) : {});
  };
  const group = program.command('deadletters').description('Messages that could not be handled')
    .addHelpText('after', examples('deadletters list', 'deadletters show 7c1f…', 'deadletters retry 7c1f… --payload mended.json --why "wrong date"', 'deadletters drop 7c1f… --why test --yes'));
  group.command('list').option('--status <status>', 'open, retried, dropped', status, 'open').option('--limit <n>', 'most shown', count(100_000), 50).description('Newest first')
    .action(doing(io, async (context: Context, { status: wanted, limit }: { status: 'open'; limit: number }) => {
      const { letters: found } = await (await letters(context)).list({ status: wanted, limit });
      context.out.answer(found, () => context.out.table(['id', 'when', 'consumer', 'subject', 'reason'], found.map((one) => [one.id, one.at, one.consumer, one.subject, one.reason.slice(0, 60)])));
    }));
  group.command('show <id>').description('Headers, payload and what was done to it')
    .action(doing(io, async (context: Context, id: string) => {
      const { payload, ...letter } = await here(await letters(context), id);
      // Bytes that are no text go out as they are, so that what was lost in reading them can be got back.
      const shown = { ...letter, payload: new TextDecoder().decode(payload), ...(!isUtf8(payload) && { payloadBase64: Buffer.from(payload).toString('base64') }) };
      context.out.answer(shown, () => { for (const [key, value] of Object.entries(shown)) context.out.line(`${key}: ${typeof value === 'string' ? value : JSON.stringify(value)}`); });
    }));
  group.command('retry <id>').option('--payload <file>', 'send this instead of the original bytes').description('Publish it again')
    .action(doing(io, async (context: Context, id: string, { payload }: Options) => {
      const mended = payload ? readFileSync(payload) : undefined;
      const { subject } = await here(await letters(context), id);
      const bus = await context.bus();
      const why = await context.change(`Publish ${id} again on ${subject}${payload ? ' with other bytes' : ''}?`, { command: 'deadletters retry', details: { id } });
      const { refused } = await closed((await letters(context)).retry(id, { bus, actor: context.actor, why, ...(mended && { payload: mended }) }));
      if (refused) throw new ToolError(`it was published and refused again: ${refused}`, exitCodes.refused);
      context.out.answer({ id, retried: true }, () => context.out.line('published again'));
    }));
  group.command('drop <id>').description('Never to be delivered')
    .action(doing(io, async (context: Context, id: string) => {
      await here(await letters(context), id);
      const why = await context.change(`Drop ${id} for good?`, { command: 'deadletters drop', details: { id } });
      await closed((await letters(context)).drop(id, { actor: context.actor, why }));
      context.out.answer({ id, dropped: true }, () => context.out.line('dropped'));
    }));
}

const status = (text: string): string => {
  if (!['open', 'retried', 'dropped'].includes(text)) throw new InvalidArgumentError('It is open, retried or dropped.');
  return text;
};

async function here(letters: DeadLetters, id: string) {
  const letter = await letters.show(id);
  if (!letter) throw new ToolError(`there is no dead letter ${id}`, exitCodes.refused);
  return letter;
}

const closed = async <T>(work: Promise<T>): Promise<T> => {
  try {
    return await work;
  } catch (error) {
    if ((error as { code?: string }).code === 'dead-letter-closed') throw new ToolError((error as Error).message, exitCodes.refused, { cause: error });
    throw error;
  }
};

interface Open { notificationId: string; channel: string; type: string; phase: string; attemptedAt: string | null; errorText: string | null; attributionId: string }

function unknown(program: Command, io: Io): void {
  const group = program.command('unknown').description('Messages whose fate nobody knows')
    .addHelpText('after', examples('unknown list', 'unknown resolve 2c75… --not-sent --why "the borrower says nothing came"'));
  group.command('list').description('What is unknown or held for an operator')
    .action(doing(io, async (context: Context) => {
      const { items, next } = await context.call<{ items: Open[]; next: string | null }>('notification-log', '/notifications', { query: { phase: 'unknown,held', limit: 500, order: 'asc' } });
      if (next) context.out.note('the first 500: settle these, then ask again');
      context.out.answer(items, () => context.out.table(['id', 'channel', 'type', 'loan', 'state', 'attempted', 'why'], items.map((one) => [one.notificationId, one.channel, one.type, one.attributionId, one.phase, one.attemptedAt, one.errorText])));
    }));
  group.command('resolve <id>').option('--sent', 'the provider took it').option('--not-sent', 'it did not: it is sent again').description('Say what became of one')
    .action(doing(io, async (context: Context, id: string, { sent, notSent }: { sent?: boolean; notSent?: boolean }) => {
      if (Boolean(sent) === Boolean(notSent)) throw new ToolError('say --sent or --not-sent', exitCodes.usage);
      const one = await context.call<Open>('notification-log', `/notifications/${encodeURIComponent(id)}`);
      const verdict = sent ? 'sent' : 'not-sent';
      const why = await context.change(`Settle ${id} as ${verdict}?`, { command: 'unknown resolve', details: { id, verdict } });
      await context.call(serviceOf(one.channel), `/notifications/${id}/resolve`, { method: 'POST', body: { verdict, why } });
      context.out.answer({ id, verdict }, () => context.out.line(`settled as ${verdict}`));
    }));
}

function channel(program: Command, io: Io): void {
  const group = program.command('channel').description('Stop and start sending on a channel')
    .addHelpText('after', examples('channel pause WHATSAPP --why "provider incident"', 'channel resume WHATSAPP --yes'));
  for (const verb of ['pause', 'resume'] as const) {
    group.command(`${verb} <channel>`).description(verb === 'pause' ? 'Send nothing: what is to be sent waits' : 'Send again')
      .action(doing(io, async (context: Context, name: string) => {
        const service = serviceOf(name);
        const why = await context.change(`${verb === 'pause' ? 'Pause' : 'Resume'} ${name.toUpperCase()}?`, { command: `channel ${verb}`, details: { channel: name.toUpperCase() } });
        const state = await context.call<{ state: { kind: string } }>(service, `/channel/${verb}`, { method: 'POST', body: { why } });
        context.out.answer(state, () => context.out.line(`${name.toUpperCase()} is ${state.state.kind}`));
      }));
  }
}
