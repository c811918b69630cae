import { setTimeout as sleep } from 'node:timers/promises';
import type { BullPipeline } from './bullmq.ts';
import type { Context, Part } from './context.ts';
import { median, percentile, type Figure, type Row } from './figures.ts';
import { startBull } from './pipeline.ts';
import { monotonicMs } from './sink.ts';
import type { World } from './world.ts';

interface Latency { readonly p50: number; readonly p99: number }
/** Sends one; resolves once it was taken in. Its number is the recipient's. */
type Send = () => { n: number; sent: Promise<void> };

const OURS = 'Rappel';
const FIRST_OF_PEER = 20_000_000;
const COLD = { rate: 50, count: 500 };
/** Of each side, after its cold start and before the rounds: processes that have just started run uncompiled code. */
const WARM_UP = { rate: 200, count: 2000 };
const FEW = 20;

/** From the call that publishes a loan event to the sink's acceptance of the mail, at a steady rate. */
export const latency: Part = async (context) => {
  const world = await context.hosts.world();
  const bull = await startBull(world);
  try {
    const senders = sendersOf(world, bull);
    const rows = await measureStart(senders, { world, context });
    for (const [, send] of senders) await steadily(world, { ...atMost(context, WARM_UP), send });
    for (const rate of [50, 200]) rows.push(...await measureRate(rate, senders, { world, context }));
    return rows;
  } finally {
    if (!('notRun' in bull)) await bull.stop();
    await world.stop();
  }
};

interface Setting { readonly world: World; readonly context: Context }
type Senders = readonly (readonly [name: string, send: Send])[];

function sendersOf(world: World, bull: BullPipeline | { notRun: string }): Senders {
  const ours = [OURS, () => { const { n, published } = world.publish('EMAIL'); return { n, sent: published }; }] as const;
  if ('notRun' in bull) return [ours];
  let next = FIRST_OF_PEER;
  return [['BullMQ', () => { const n = next++; return { n, sent: bull.publish(n) }; }], ours];
}

const atMost = ({ smoke }: Context, { rate, count }: { rate: number; count: number }) => ({ rate, count: smoke ? FEW : count });

/** The first messages that freshly started processes ever handle: once, for nobody starts cold twice. */
async function measureStart(senders: Senders, { world, context }: Setting): Promise<Row[]> {
  const measured = new Map<string, Latency>();
  for (const [name, send] of senders) {
    const result = await steadily(world, { ...atMost(context, COLD), send });
    measured.set(name, result);
    context.say(`  the first ${COLD.count} at ${COLD.rate}/s ${name.padEnd(10)} ${told(result)}`);
  }
  const peer = measured.get('BullMQ');
  return (['p50', 'p99'] as const).map((which) => ({
    name: `latency ${which} at ${COLD.rate}/s, the first ${COLD.count} after the start`, unit: 'ms', value: measured.get(OURS)![which],
    ...(peer && { beside: { name: 'BullMQ pipeline', value: peer[which] }, ratio: measured.get(OURS)![which] / peer[which] }),
  }));
}

async function measureRate(rate: number, senders: Senders, { world, context }: Setting): Promise<Row[]> {
  const rounds = new Map<string, Latency[]>(senders.map(([name]) => [name, []]));
  for (let round = 0; round <= context.rounds; round++) {
    for (const [name, send] of senders) {
      const result = await steadily(world, { ...atMost(context, { rate, count: rate * 10 }), send });
      if (round > 0) rounds.get(name)!.push(result);
      context.say(`  ${round === 0 ? 'warm-up' : `round ${round}`}  ${rate}/s ${name.padEnd(10)} ${told(result)}`);
    }
  }
  const limits = rate === 50 ? { p50: 15, p99: 60 } : undefined;
  return (['p50', 'p99'] as const).map((which) => row(`latency ${which} at ${rate}/s`, { ours: rounds.get(OURS)!, peers: rounds.get('BullMQ'), which, limit: limits?.[which] }));
}

const told = ({ p50, p99 }: Latency): string => `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`;

function row(name: string, { ours, peers, which, limit }: { ours: readonly Latency[]; peers?: readonly Latency[]; which: keyof Latency; limit?: number }): Figure {
  const own = ours.map((round) => round[which]);
  const other = peers?.map((round) => round[which]);
  const value = median(own);
  const ratio = other && median(own.map((ms, i) => ms / other[i]!));
  return {
    name, unit: 'ms', value, rounds: own,
    ...(other && { beside: { name: 'BullMQ pipeline', value: median(other), rounds: other }, ratio: ratio! }),
    target: `${limit ? `≤ ${limit} ms, ` : ''}not above the peer`,
    met: (limit === undefined || value <= limit) && (ratio === undefined || ratio <= 1),
  };
}

async function steadily({ sink }: World, { count, rate, send }: { count: number; rate: number; send: Send }): Promise<Latency> {
  await sink.takeTimes();
  const before = sink.count();
  const began = new Map<number, number>();
  const sending: Promise<void>[] = [];
  const start = monotonicMs();
  for (let i = 0; i < count; i++) {
    const wait = start + (i * 1000) / rate - monotonicMs();
    if (wait > 0) await sleep(wait);
    const at = monotonicMs();
    const { n, sent } = send();
    began.set(n, at);
    sending.push(sent);
  }
  await Promise.all(sending);
  while (sink.count() < before + count) await sleep(10);
  const accepted = await sink.takeTimes();
  const times = [...began].map(([n, at]) => (accepted.get(n) ?? Number.NaN) - at);
  return { p50: percentile(times, 0.5), p99: percentile(times, 0.99) };
}
