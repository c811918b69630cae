import type { Command } from 'commander';
import { doing, examples } from '../command.ts';
import type { ServiceName } from '../config.ts';
import type { Context, Io } from '../context.ts';
import { ToolError, toToolError } from '../errors.ts';
import { checksOf } from '../output.ts';
import type { Found } from './streams.ts';

interface Part { what: string; state: string; details: string; problem: boolean }

/** `doctor`: see there. */
export function doctorCommand(program: Command, io: Io): void {
  program.command('doctor').description('Check everything: configuration, servers, credentials, templates; then the statistics')
    .option('--send-to <address>', 'also send a real test message to this email address or phone number')
    .addHelpText('after', examples('doctor', 'doctor --send-to +33600000000 --yes', 'doctor --send-to me@example.org --why "new mail server"'))
    .action(doing(io, async (context: Context, { sendTo }: { sendTo?: string }) => (await import('./doctor.ts')).examine(context, sendTo)));
}

/** `status`: streams, consumers, lag, channels, dead letters, what waits. */
export function statusCommand(program: Command, io: Io): void {
  program.command('status').description('Services, streams, consumers and their lag, channels, the log, dead letters, what waits; ends with 1 when something needs attention')
    .addHelpText('after', examples('status', 'status --json'))
    .action(doing(io, async (context: Context) => {
      const parts = (await Promise.all([
        ...(['loan', 'scheduler', 'email', 'whatsapp', 'notification-log'] as const).map((name) => part(name, () => health(context, name))),
        part('NATS', async () => (await import('./streams.ts')).streams(await context.bus())),
        part('channel EMAIL', () => channel(context, 'email')),
        part('channel WHATSAPP', () => channel(context, 'whatsapp')),
        part('log', () => projection(context)),
        part('waiting', () => waiting(context)),
        part('dead letters', async () => {
          const { createDeadLetters } = await import('@rappel/messaging');
          const { open } = await createDeadLetters(await context.pool()).count();
          return [{ state: `${open} open`, problem: open > 0 }];
        }),
      ])).flat();
      context.out.answer(parts, () => context.out.table(['what', 'state', 'details'], parts.map(({ what, state, details, problem }) => [what, problem ? context.out.bad(state) : context.out.good(state), details])));
      const problems = parts.filter(({ problem }) => problem).map(({ what }) => what.trim());
      if (problems.length > 0) throw new ToolError(`${problems.length} need(s) attention: ${problems.join(', ')}`);
    }));
}

async function part(what: string, look: () => Promise<Found[]>): Promise<Part[]> {
  try {
    return (await look()).map((found) => ({ what: found.what ?? what, state: found.state, details: found.details ?? '', problem: found.problem ?? false }));
  } catch (error) {
    return [{ what, state: 'unknown', details: toToolError(error).message, problem: true }];
  }
}

async function health(context: Context, name: ServiceName): Promise<Found[]> {
  const { checks } = await context.call<{ checks: Record<string, string> }>(name, '/health/ready');
  return [{ state: 'ready', details: checksOf(checks) }];
}

async function channel(context: Context, service: ServiceName): Promise<Found[]> {
  const { state, waiting: counts } = await context.call<{ state: { kind: string; text?: string; until?: string }; waiting: Record<string, number> }>(service, '/channel');
  const waits = Object.entries(counts).map(([why, n]) => `${n} ${why}`).join(', ');
  return [{ state: state.kind, details: [state.text, state.until, waits && `waiting: ${waits}`].filter(Boolean).join('; '), problem: state.kind !== 'open' }];
}

async function projection(context: Context): Promise<Found[]> {
  const { caughtUp, behindMs, events, poison, checkpoint } = await context.call<{ caughtUp: boolean; behindMs: number; events: number; poison: number; checkpoint: string }>('notification-log', '/projection');
  return [{ state: caughtUp ? 'caught up' : `${(behindMs / 1000).toFixed(1)} s behind`, details: `${events} events, at ${checkpoint || 'the start'}, ${poison} set aside`, problem: poison > 0 }];
}

async function waiting(context: Context): Promise<Found[]> {
  const { items, total } = await context.call<{ items: { phase: string; waitingFor: string | null; channel: string; count: number }[]; total: number }>('notification-log', '/waiting');
  const sums = new Map<string, number>();
  for (const { phase, waitingFor, channel: name, count } of items) {
    const key = `${name} ${waitingFor ?? phase}`;
    sums.set(key, (sums.get(key) ?? 0) + count);
  }
  return [{ state: `${total}`, details: [...sums].map(([key, n]) => `${n} ${key}`).join(', ') }];
}
