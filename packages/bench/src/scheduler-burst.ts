import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { acceleratedClock, type LoanSnapshot } from '@rappel/contracts';
import { createPostgresEventStore } from '@rappel/event-store-postgres';
import { createPool, type Pool } from '@rappel/postgres';
import { createScheduler, openPolicyBook, prepareSchedules } from '@rappel/scheduling';
import { EMITTED, runPgBossWorker } from './scheduler-peer.ts';

/** What a burst cost and whether it was right. */
export interface Burst {
  readonly perSecond: number;
  /** Lateness from the due moment, ms. */
  readonly p50: number;
  readonly p99: number;
  readonly told: number;
  readonly twice: number;
  /** Share of one core that all instances used while nothing was due. */
  readonly idleCpu: number;
  /** Largest resident memory of an instance, MB: before and after. */
  readonly memory: readonly [number, number];
}

const CHILD = 'RAPPEL_BENCH_CHILD';
const DUE = '2030-06-17T07:00:00.000Z';
const BEFORE = '2030-01-02T00:00:00.000Z';

/** Through the calls that the service's handlers make, two thousand messages at a time, as pg-boss has. Resolves to loans per second. */
export async function planAll(url: string, { loans, burst }: { loans: number; burst: number }): Promise<number> {
  const pool = createPool(url);
  const store = createPostgresEventStore({ connectionString: url });
  try {
    const clock = acceleratedClock({ origin: BEFORE, anchor: new Date().toISOString(), factor: 1 });
    const book = await openPolicyBook(store, clock);
    await prepareSchedules({ pool, store, book });
    const scheduler = createScheduler({ store, pool, clock, book });
    const started = performance.now();
    let next = 0;
    await Promise.all(Array.from({ length: 2000 }, async () => {
      while (next < loans) await scheduler.out(loanNumber(next++, burst), BEFORE);
    }));
    const perSecond = loans / ((performance.now() - started) / 1000);
    await scheduler.stop();
    await pool.query('VACUUM ANALYZE scheduler.schedules');
    return perSecond;
  } finally {
    await store.close();
    await pool.end();
  }
}

/** The first `burst` loans are due on one day, the others over 300 days after it: at each half hour from 09:00 to 18:30, 6,020 moments in all. */
function loanNumber(n: number, burst: number): LoanSnapshot {
  const date = n < burst ? '2030-06-19' : days[n % days.length]!;
  const half = Math.floor(n / days.length) % 20;
  const time = `${String(9 + Math.floor(half / 2)).padStart(2, '0')}:${half % 2 === 0 ? '00' : '30'}`;
  return {
    attributionId: `loan-${n}`, borrowerId: `borrower-${n}`, item: { code: `PC-${n % 5000}`, name: 'Portable Dell Latitude 5420' }, duration: 'LONG',
    due: { date, time, zone: 'Europe/Paris' }, dueAt: new Date(Date.parse(`${date}T${time}:00Z`) - 7_200_000).toISOString(), dueVersion: 1,
  };
}
const days = Array.from({ length: 300 }, (_, n) => new Date(Date.UTC(2030, 5, 25 + n)).toISOString().slice(0, 10));

interface BurstOptions {
  url: string;
  role: 'rappel' | 'pg-boss';
  burst: number;
  /** Processes that share it. */
  instances: number;
  /** Real milliseconds in which they start and are seen idle before the burst. */
  leadMs: number;
}

/** Lets the first `burst` loans fall due before several processes. */
export async function runBurst({ url, role, burst, instances, leadMs }: BurstOptions): Promise<Burst> {
  const pool = createPool(url, { max: 2 });
  // Real moment at which the burst falls due; the instances' clocks are set by it.
  const dueAt = new Date(Date.now() + leadMs + instances * 2000 + burst / 10);
  if (role === 'pg-boss') await pool.query("UPDATE pgboss.job SET start_after = $1 WHERE start_after < now() + interval '1 hour'", [dueAt]);
  if (role === 'pg-boss') await pool.query('VACUUM ANALYZE pgboss.job');
  const children = Array.from({ length: instances }, () => startChild({ [CHILD]: role, BENCH_URL: url, BENCH_DUE_AT: dueAt.toISOString() }));
  try {
    await Promise.all(children.map(({ ready }) => ready));
    const idle = await idleUntil(dueAt, children);
    let told = 0;
    const finished = new Promise<number>((resolve) => {
      for (const { onTold } of children) onTold((n) => { told += n; if (told >= burst) resolve(performance.timeOrigin + performance.now()); });
    });
    const tooLong = sleep(600_000, undefined, { ref: false }).then(() => { throw new Error(`${role}: ${told} of ${burst} after ten minutes`); });
    const end = await Promise.race([finished, tooLong]);
    const memory = Math.max(...children.map(({ process: { pid } }) => residentMb(pid!)));
    return { ...await (role === 'rappel' ? countTold : countEmitted)(pool, dueAt), perSecond: burst / ((end - dueAt.getTime()) / 1000), idleCpu: idle.cpu, memory: [idle.memory, memory] };
  } finally {
    for (const { process: instance } of children) instance.kill('SIGKILL');
    await pool.end();
  }
}

interface Child { readonly process: ChildProcess; readonly ready: Promise<void>; onTold(listener: (n: number) => void): void }

function startChild(env: Record<string, string>): Child {
  const child = spawn(process.execPath, process.argv.slice(1, 2), { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit'] });
  const listeners: ((n: number) => void)[] = [];
  let ready = (): void => {};
  const started = new Promise<void>((resolve) => { ready = resolve; });
  let rest = '';
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop()!;
    for (const line of lines) {
      if (line === 'ready') ready();
      else for (const listener of listeners) listener(Number(line));
    }
  });
  return { process: child, ready: started, onTold: (listener) => { listeners.push(listener); } };
}

const TICKS = 100;
const cpuSeconds = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
};
const residentMb = (pid: number): number => Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024);

async function idleUntil(dueAt: Date, children: readonly Child[]): Promise<{ cpu: number; memory: number }> {
  const pids = children.map(({ process: { pid } }) => pid!);
  // What starting up leaves behind is not idleness.
  await sleep(Math.min(5000, (dueAt.getTime() - Date.now()) / 3));
  const from = { at: performance.now(), cpu: pids.map(cpuSeconds) };
  await sleep(Math.max(0, dueAt.getTime() - Date.now() - 500));
  const seconds = (performance.now() - from.at) / 1000;
  const cpu = pids.reduce((sum, pid, i) => sum + cpuSeconds(pid) - from.cpu[i]!, 0);
  return { cpu: cpu / seconds, memory: Math.max(...pids.map(residentMb)) };
}

async function countTold(pool: Pool, dueAt: Date): Promise<Pick<Burst, 'told' | 'twice' | 'p50' | 'p99'>> {
  const { rows } = await pool.query<{ told: number; once: number; p50: number; p99: number }>(`
    SELECT count(*)::int AS told, count(DISTINCT loan->>'attributionId')::int AS once,
      percentile_cont(0.5) WITHIN GROUP (ORDER BY late) AS p50, percentile_cont(0.99) WITHIN GROUP (ORDER BY late) AS p99
    FROM (SELECT json_array_elements(data->'loans') AS loan, extract(epoch FROM recorded_at - $1::timestamptz) * 1000 AS late
          FROM event_store.events WHERE type = 'ReminderDue') told`, [dueAt]);
  const { told, once, p50, p99 } = rows[0]!;
  return { told, twice: told - once, p50, p99 };
}

async function countEmitted(pool: Pool, dueAt: Date): Promise<Pick<Burst, 'told' | 'twice' | 'p50' | 'p99'>> {
  const { rows } = await pool.query<{ told: number; once: number; p50: number; p99: number }>(`
    SELECT count(*)::int AS told, count(DISTINCT id)::int AS once,
      percentile_cont(0.5) WITHIN GROUP (ORDER BY late) AS p50, percentile_cont(0.99) WITHIN GROUP (ORDER BY late) AS p99
    FROM (SELECT id, extract(epoch FROM at - $1::timestamptz) * 1000 AS late FROM ${EMITTED}) told`, [dueAt]);
  const { told, once, p50, p99 } = rows[0]!;
  return { told, twice: told - once, p50, p99 };
}

/** True when this process is one of the benchmark's own; it then works until it is killed. To be called first by `main.ts`. */
export async function runSchedulerBenchChild(): Promise<boolean> {
  const role = process.env[CHILD];
  const { BENCH_URL: url = '', BENCH_DUE_AT: dueAt = '' } = process.env;
  if (role === 'rappel') await runInstance(url, dueAt);
  if (role === 'pg-boss') await runPgBossWorker(url, say);
  if (role) process.stdout.write('ready\n');
  return role !== undefined;
}

const say = (told: number): void => { process.stdout.write(`${told}\n`); };

async function runInstance(url: string, dueAt: string): Promise<void> {
  const clock = acceleratedClock({ origin: DUE, anchor: dueAt, factor: 1 });
  const store = createPostgresEventStore({ connectionString: url });
  const scheduler = createScheduler({
    store, pool: createPool(url), clock, book: await openPolicyBook(store, clock),
    onEmission: ({ told }) => say(told),
    onFailure: (error) => { process.stderr.write(`${String(error)}\n`); },
  });
  scheduler.start();
}
