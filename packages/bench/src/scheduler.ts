import type { Part } from './context.ts';
import type { Figure } from './figures.ts';
import { benchScheduler, type BenchRow } from './scheduler-burst.ts';

/** Planning many loans, then a burst of them due at once before several processes; the same with pg-boss. One round: it takes minutes. */
export const scheduler: Part = async ({ loans, smoke, say, hosts }) => {
  const { url, database, stop } = await hosts.server();
  try {
    const rows = await benchScheduler({
      url, peerUrl: await database(), loans, burst: Math.ceil(loans / 10), instances: smoke ? 1 : 3, ...(smoke && { leadMs: 2500 }),
    });
    for (const { name, perSecond } of rows) say(`  ${name}: ${Math.round(perSecond)}/s`);
    const [plan, burst, peerPlan, peerBurst] = rows as [BenchRow, BenchRow, BenchRow, BenchRow];
    return [ahead(plan, peerPlan), ahead(burst, peerBurst), lateness(burst, peerBurst)];
  } finally {
    await stop();
  }
};

const ahead = (ours: BenchRow, peer: BenchRow): Figure => ({
  name: ours.name, unit: '/s', value: ours.perSecond, beside: { name: peer.name, value: peer.perSecond },
  ratio: ours.perSecond / peer.perSecond, target: 'ahead', met: ours.perSecond > peer.perSecond,
});

const lateness = (ours: BenchRow, peer: BenchRow): Figure => ({
  name: 'scheduler: lateness in the burst, p99', unit: 'ms', value: ours.p99!, beside: { name: 'pg-boss', value: peer.p99! },
  ratio: ours.p99! / peer.p99!, target: 'ahead', met: ours.p99! < peer.p99!,
});
