import { createPool } from '@rappel/postgres';
import PgBoss from 'pg-boss';
import { eachOf } from './figures.ts';

/** Where the peer's handler writes what it told, as Rappel writes an event. */
export const EMITTED = 'public.emitted';
const QUEUE = 'reminders';
const PAGE = 1000;
// It looks twice a second at most: with a thousand at a time that would be its limit.
const FETCHED_AT_ONCE = 2000;

/**
 * `timers` jobs for each loan, all in the future; the first one of each of the first `burst` loans shares its moment with them.
 * Told the moments: it cannot work them out. Two inserts under way at once, as Rappel has. Resolves to jobs per second.
 */
export async function fillPgBoss(url: string, { loans, burst, timers }: { loans: number; burst: number; timers: number }): Promise<number> {
  const boss = new PgBoss({ connectionString: url, supervise: false, schedule: false });
  const pool = createPool(url, { max: 1 });
  await boss.start();
  await boss.createQueue(QUEUE);
  await pool.query(`CREATE TABLE ${EMITTED} (id text PRIMARY KEY, data json NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp())`);
  const soon = new Date(Date.now() + 1_800_000);
  const jobs = loans * timers;
  const job = (at: number) => {
    const [n, timer] = [Math.floor(at / timers), at % timers];
    return {
      name: QUEUE,
      data: { attributionId: `loan-${n}`, borrowerId: `borrower-${n}`, item: { code: `PC-${n % 5000}`, name: 'Portable Dell Latitude 5420' }, type: 'RAPPEL_J2', timer },
      startAfter: n < burst && timer === 0 ? soon : new Date(Date.now() + (2 + timer + (n % 300)) * 86_400_000),
    };
  };
  const started = performance.now();
  await eachOf(Math.ceil(jobs / PAGE), 2, (page) => boss.insert(Array.from({ length: Math.min(PAGE, jobs - page * PAGE) }, (_, i) => job(page * PAGE + i))));
  const perSecond = jobs / ((performance.now() - started) / 1000);
  await pool.query('VACUUM ANALYZE pgboss.job');
  await boss.stop({ graceful: false });
  await pool.end();
  return perSecond;
}

/** Fetches and completes two thousand at a time, at its shortest poll, and writes each down in one statement for all. */
export async function runPgBossWorker(url: string, told: (n: number) => void): Promise<void> {
  const boss = new PgBoss({ connectionString: url, supervise: false, schedule: false });
  boss.on('error', (error) => { process.stderr.write(`${String(error)}\n`); });
  const pool = createPool(url, { max: 2 });
  await boss.start();
  await boss.work<object>(QUEUE, { batchSize: FETCHED_AT_ONCE, pollingIntervalSeconds: 0.5 }, async (jobs) => {
    await pool.query(`INSERT INTO ${EMITTED} (id, data) SELECT * FROM unnest($1::text[], $2::json[])`, [jobs.map(({ id }) => id), jobs.map(({ data }) => JSON.stringify(data))]);
    told(jobs.length);
  });
}
