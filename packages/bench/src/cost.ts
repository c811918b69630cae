import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { workspaceRoot } from '@rappel/local-stack';
import type { BullPipeline } from './bullmq.ts';
import type { Part } from './context.ts';
import type { Figure, Row } from './figures.ts';
import { startBull } from './pipeline.ts';
import type { World } from './world.ts';

const TICKS = 100;
const MB = 2 ** 20;

/** What it takes: CPU and memory for 10,000 notifications, idle memory, start-up, size. Linux only (/proc). */
export const cost: Part = async (context) => {
  if (process.platform !== 'linux') return [{ name: 'cost', notRun: 'it reads /proc, which only Linux has' }];
  const count = context.smoke ? 20 : context.count * 2;
  const world = await context.hosts.world();
  const bull = await startBull(world);
  try {
    await sleep(context.smoke ? 500 : 10_000);
    const pids = world.services.map(({ pid }) => pid);
    const idle = pids.map((pid) => statusMb(pid, 'VmRSS'));
    const share = pids.map(proportionalMb);
    const idleCpu = await idleShare(pids, context.smoke ? 500 : 10_000);
    const each = (values: readonly number[]) => world.services.map(({ name }, i) => `${name} ${Math.round(values[i]!)}`).join(', ');
    await world.deliver(Math.ceil(count / 5), 'EMAIL');
    const { rows: perNotification, ...ours } = await ledger(world, count, () => world.deliver(count, 'EMAIL'));
    const peak = pids.map((pid) => statusMb(pid, 'VmHWM'));
    return [
      ...('notRun' in bull ? spendingRows(count, ours, sum(peak)) : spendingRows(count, ours, sum(peak), await peerSpends(world, bull, count))),
      ...perNotification,
      { name: 'peak memory, service by service', unit: 'MB', value: Math.max(...peak), note: each(peak) },
      { name: 'memory of the five services, idle', unit: 'MB', value: sum(idle), target: '≤ 500 MB', met: sum(idle) <= 500, note: `${each(idle)}; with what they share (Node itself) counted once ${Math.round(sum(share))}` },
      { name: 'CPU of the five services, idle, of one core', unit: '%', value: idleCpu * 100 },
      ...startUpRows(world), ...sizeRows(),
      ...('notRun' in bull ? [{ name: 'cost of the BullMQ pipeline', notRun: bull.notRun }] : []),
    ];
  } finally {
    if (!('notRun' in bull)) await bull.stop();
    await world.stop();
  }
};

interface Spent { readonly processes: number; readonly postgres: number }

/** CPU milliseconds of each process, and what the servers were asked, for each notification. */
async function ledger({ services, stack, sink, pool }: World, count: number, work: () => Promise<unknown>): Promise<Spent & { rows: Figure[] }> {
  const nats = stack.nats!;
  const read = async () => ({
    cpu: { ...Object.fromEntries(services.map(({ name, pid }) => [name, cpuSeconds(pid)])), nats: cpuSeconds(nats.pid), postgres: postgresSeconds(stack.postgres!.pid), 'mail sink': cpuSeconds(sink.pid) } as Record<string, number>,
    asked: { ...await postgresCounts(pool), ...await natsCounts(nats.monitorUrl) } as Record<string, number>,
  });
  const before = await read();
  await work();
  // PostgreSQL's backends report what they did once a second.
  await sleep(1500);
  const after = await read();
  const spent = Object.fromEntries(Object.entries(after.cpu).map(([name, seconds]) => [name, seconds - before.cpu[name]!]));
  const { postgres, 'mail sink': sinks, ...own } = spent as Record<string, number> & { postgres: number; 'mail sink': number };
  const each = (values: Readonly<Record<string, number>>, factor: number) => Object.entries(values).map(([name, value]) => `${name} ${((value * factor) / count).toFixed(2)}`).join(', ');
  const asked = Object.fromEntries(Object.entries(after.asked).map(([name, value]) => [name, value - before.asked[name]!]));
  return {
    processes: sum(Object.values(own)), postgres,
    rows: [
      { name: 'CPU of a notification, all processes', unit: 'ms', value: ((sum(Object.values(own)) + postgres + sinks) * 1000) / count, note: each(spent, 1000) },
      { name: 'asked of the servers for a notification: commits', unit: '', value: asked['commits']! / count, note: each(asked, 1) },
    ],
  };
}

async function postgresCounts(pool: World['pool']): Promise<Record<string, number>> {
  const { rows: [row] } = await pool.query<Record<string, string>>(`SELECT
    (SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()) AS commits,
    (SELECT sum(fsyncs) FROM pg_stat_io WHERE object = 'wal') AS "syncs of the WAL",
    (SELECT wal_bytes / 1024 FROM pg_stat_wal) AS "WAL KB"`);
  return Object.fromEntries(Object.entries(row!).map(([name, value]) => [name, Number(value)]));
}

async function natsCounts(monitorUrl: string): Promise<Record<string, number>> {
  const { in_msgs: taken, out_msgs: given } = await (await fetch(`${monitorUrl}/varz`)).json() as { in_msgs: number; out_msgs: number };
  return { 'messages to NATS': taken, 'messages from NATS': given };
}

async function peerSpends(world: World, bull: BullPipeline, count: number): Promise<Spent & { peak: number }> {
  await bull.deliver(Math.ceil(count / 5));
  return { ...await spent(world, bull.pids, () => bull.deliver(count)), peak: sum(bull.pids.map((pid) => statusMb(pid, 'VmHWM'))) };
}

function spendingRows(count: number, ours: Spent, peak: number, peer?: Spent & { peak: number }): Figure[] {
  const beside = (value: number | undefined, name = 'BullMQ worker + Redis') => value !== undefined && { beside: { name, value } };
  return [
    { name: `CPU of the five services and NATS for ${count} notifications`, unit: 's', value: ours.processes, ...beside(peer?.processes) },
    { name: 'CPU of PostgreSQL for the same', unit: 's', value: ours.postgres, ...beside(peer?.postgres, 'one log row each') },
    { name: 'peak memory of the five services', unit: 'MB', value: peak, ...beside(peer?.peak) },
  ];
}

const startUpRows = ({ startUp }: World): Row[] => [{
  name: 'start-up, all five together on an empty database', unit: 's', value: Math.max(...Object.values(startUp)) / 1000,
  note: Object.entries(startUp).map(([name, ms]) => `${name} ${(ms / 1000).toFixed(1)}`).join(', '),
}];

function sizeRows(): Figure[] {
  const services = readdirSync(join(workspaceRoot, 'services'));
  const sizes = services.map((name) => statSync(join(workspaceRoot, 'dist', `${name}.mjs`)).size / MB);
  return [{ name: 'size of the five bundles', unit: 'MB', value: sum(sizes), note: services.map((name, i) => `${name} ${sizes[i]!.toFixed(1)}`).join(', ') }];
}

async function spent({ stack }: World, pids: readonly number[], work: () => Promise<unknown>): Promise<Spent> {
  const read = () => ({ processes: sum(pids.map(cpuSeconds)), postgres: postgresSeconds(stack.postgres!.pid) });
  const before = read();
  await work();
  const after = read();
  return { processes: after.processes - before.processes, postgres: after.postgres - before.postgres };
}

async function idleShare(pids: readonly number[], ms: number): Promise<number> {
  const before = sum(pids.map(cpuSeconds));
  await sleep(ms);
  return (sum(pids.map(cpuSeconds)) - before) / (ms / 1000);
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const fieldsOf = (pid: number | string): string[] => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
const cpuSeconds = (pid: number | string): number => sum(fieldsOf(pid).slice(11, 13).map(Number)) / TICKS;
const statusMb = (pid: number, key: string): number => Number(new RegExp(`${key}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;

/** Resident memory with shared pages divided among those that share them. */
const proportionalMb = (pid: number): number => Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]) / 1024;

/** The postmaster, its ended children and those that run. */
function postgresSeconds(postmaster: number): number {
  const ended = sum(fieldsOf(postmaster).slice(13, 15).map(Number)) / TICKS;
  const children = readdirSync('/proc').filter((entry) => /^\d+$/.test(entry)).map((pid) => {
    try {
      return Number(fieldsOf(pid)[1]) === postmaster ? cpuSeconds(pid) : 0;
    } catch {
      // It ended while we looked.
      return 0;
    }
  });
  return cpuSeconds(postmaster) + ended + sum(children);
}
