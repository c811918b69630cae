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

const FIRST_OF_PEER = 20_000_000;

/** From the call that publishes a loan event to the sink's acceptance of the mail, at a steady rate. */
export const latency: Part = async (context) => {
  const world = await context.hosts.world();
  const bull = await startBull(world);
  try {
    const rows: Row[] = [];
    for (const rate of [50, 200]) rows.push(...await measureRate(rate, { world, bull, context }));
    return rows;
  } finally {
    if (!('notRun' in bull)) await bull.stop();
    await world.stop();
  }
};

interface Setting { readonly world: World; readonly bull: BullPipeline | { notRun: string }; readonly context: Context }

async function measureRate(rate: number, { world, bull, context }: Setting): Promise<Row[]> {
  const count = context.smoke ? 20 : rate * 10;
  let next = FIRST_OF_PEER + rate * 1_000_000;
  const senders: [string, Send][] = [
    ...('notRun' in bull ? [] : [['BullMQ', () => { const n = next++; return { n, sent: bull.publish(n) }; }] as [string, Send]]),
    ['Rappel', () => { const { n, published } = world.publish('EMAIL'); return { n, sent: published }; }],
  ];
  const rounds = new Map<string, Latency[]>(senders.map(([name]) => [name, []]));
  for (let round = 0; round <= context.rounds; round++) {
    for (const [name, send] of senders) {
      const result = await steadily(world, { count, rate, send });
      if (round > 0) rounds.get(name)!.push(result);
      context.say(`  ${round === 0 ? 'warm-up' : `round ${round}`}  ${rate}/s ${name.padEnd(10)} p50 ${result.p50.toFixed(1)} ms, p99 ${result.p99.toFixed(1)} ms`);
    }
  }
  const limits = rate === 50 ? { p50: 15, p99: 60 } : undefined;
  return (['p50', 'p99'] as const).map((which) => row(`latency ${which} at ${rate}/s`, { ours: rounds.get('Rappel')!, peers: rounds.get('BullMQ'), which, limit: limits?.[which] }));
}

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
