import { cpus, loadavg, release, totalmem } from 'node:os';

/** What the figures were taken on. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly system: string;
  readonly node: string;
  readonly postgresql: string;
  readonly nats: string;
  /** Processes that wanted a core in the minute before the start: above the cores, others were at work too. */
  readonly load: number;
}

export function describeMachine({ postgresql, nats }: Pick<Machine, 'postgresql' | 'nats'>): Machine {
  const all = cpus();
  return {
    cpu: all[0]?.model.trim() || process.arch, cores: all.length, memoryGb: Math.round(totalmem() / 2 ** 30),
    system: `${process.platform} ${release()}`, node: process.versions.node, postgresql, nats, load: Number(loadavg()[0]!.toFixed(1)),
  };
}

export const machineLine = ({ cpu, cores, memoryGb, system, node, postgresql, nats, load }: Machine): string =>
  `${cpu}, ${cores} cores, ${memoryGb} GB, ${system}; Node ${node}, PostgreSQL ${postgresql}, NATS ${nats}; load at the start ${load}`;
