import type { Part } from './context.ts';
import type { Figure } from './figures.ts';
import { planAll, runBurst, type Burst } from './scheduler-burst.ts';
import { fillPgBoss } from './scheduler-peer.ts';

/** Timers of a long loan under RadGestMat's ladder: three reminders, four overdue notices. */
const TIMERS = 7;

/** Planning many loans, then a burst of them due at once before several processes; the same with pg-boss. One round: it takes minutes. */
export const scheduler: Part = async ({ loans, smoke, say, hosts }) => {
  const { url, database, stop } = await hosts.server();
  try {
    const [peerUrl, ladderUrl] = [await database(), await database()];
    const size = { loans, burst: Math.ceil(loans / 10) };
    const shared = { burst: size.burst, instances: smoke ? 1 : 3, leadMs: smoke ? 2500 : 10_000 };
    const measured = async <T>(what: string, run: Promise<T>, rate: (result: T) => number): Promise<T> => {
      const result = await run;
      say(`  ${what}: ${Math.round(rate(result)).toLocaleString('en')}/s`);
      return result;
    };
    const plan = await measured('scheduler, loans planned', planAll(url, size), Number);
    const burst = await measured('scheduler, burst', runBurst({ url, role: 'rappel', ...shared }), ({ perSecond }) => perSecond);
    const jobs = await measured('pg-boss, one job for each loan', fillPgBoss(peerUrl, { ...size, timers: 1 }), Number);
    const peer = await measured('pg-boss, burst', runBurst({ url: peerUrl, role: 'pg-boss', ...shared }), ({ perSecond }) => perSecond);
    const ladder = await measured('pg-boss, a job for each timer', fillPgBoss(ladderUrl, { loans: Math.ceil(loans / 10), burst: 0, timers: TIMERS }), Number);
    return [...planning({ loans, plan, jobs, ladder }), ...bursting(burst, peer, shared)];
  } finally {
    await stop();
  }
};

function planning({ loans, plan, jobs, ladder }: { loans: number; plan: number; jobs: number; ladder: number }): Figure[] {
  return [
    ahead({ name: `scheduler: plan ${loans.toLocaleString('en')} loans`, unit: '/s', ours: plan, peer: jobs, beside: 'pg-boss, one job for each loan', note: `${TIMERS} timers each; pg-boss is told one moment` }),
    ahead({ name: 'scheduler: timers planned', unit: '/s', ours: plan * TIMERS, peer: ladder, beside: `pg-boss, a job for each timer of ${Math.ceil(loans / 10).toLocaleString('en')} loans` }),
  ];
}

function bursting(ours: Burst, peer: Burst, { burst, instances }: { burst: number; instances: number }): Figure[] {
  const right = ours.told === burst && ours.twice === 0;
  const rate = ahead({ name: `scheduler: ${burst.toLocaleString('en')} due at once, ${instances} processes`, unit: '/s', ours: ours.perSecond, peer: peer.perSecond, note: `told ${ours.told}, ${ours.twice} twice; pg-boss told ${peer.told}, ${peer.twice} twice` });
  return [
    { ...rate, target: '≥ 5,000/s, ahead, each once', met: rate.met! && right && ours.perSecond >= 5000 },
    ahead({ name: 'scheduler: lateness in the burst, p50', unit: 'ms', ours: ours.p50, peer: peer.p50, lower: true }),
    ahead({ name: 'scheduler: lateness in the burst, p99', unit: 'ms', ours: ours.p99, peer: peer.p99, lower: true }),
    { ...beside({ name: 'scheduler: CPU of all processes while nothing is due', unit: '%', ours: ours.idleCpu * 100, peer: peer.idleCpu * 100 }), target: '≤ 2 % of a core', met: ours.idleCpu <= 0.02 },
    { ...beside({ name: 'scheduler: memory of a process after the burst', unit: 'MB', ours: ours.memory[1], peer: peer.memory[1] }), target: '≤ 100 MB more than before', met: ours.memory[1] - ours.memory[0] <= 100, note: `before: ${ours.memory[0]} MB, pg-boss ${peer.memory[0]} MB` },
  ];
}

interface Pair { name: string; unit: Figure['unit']; ours: number; peer: number; beside?: string; note?: string; lower?: boolean }

const beside = ({ name, unit, ours, peer, beside: who = 'pg-boss', note }: Pair): Figure => ({ name, unit, value: ours, beside: { name: who, value: peer }, ratio: ours / peer, ...(note && { note }) });

const ahead = (pair: Pair): Figure => ({ ...beside(pair), target: 'ahead', met: pair.lower ? pair.ours < pair.peer : pair.ours > pair.peer });
