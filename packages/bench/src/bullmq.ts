import type { Job, Queue, Worker } from 'bullmq';
import { createPool } from '@rappel/postgres';
import { createRenderer } from '@rappel/templates';
import { startChild, type ChildRole } from './child.ts';
import { eachOf } from './figures.ts';
import { loanOut, mailOf } from './loans.ts';
import { mailer } from './mailer.ts';
import { peer } from './peer.ts';
import { startRedis } from './redis.ts';
import { recipient } from './sink.ts';

const QUEUE = 'mails';
const QUEUED_AT_ONCE = 256;
const CONCURRENCY = 64;

/** What people would build: a queue in Redis, a worker that renders and sends, one log row for each mail. */
export interface BullPipeline {
  readonly version: string;
  /** Worker and Redis. */
  readonly pids: readonly number[];
  /** Queues `count` loans; resolves once each has its row in the log; mails a second. */
  deliver(count: number): Promise<number>;
  publish(n: number): Promise<void>;
  /** Resolves once the log has `rows` rows. */
  logged(rows: number): Promise<void>;
  stop(): Promise<void>;
}

const connection = (port: number) => ({ host: '127.0.0.1', port, maxRetriesPerRequest: null });

export async function startBullPipeline({ database, smtpPort }: { database: string; smtpPort: number }): Promise<BullPipeline> {
  const redis = await startRedis();
  const pool = createPool(database, { max: 1 });
  await pool.query('CREATE TABLE sent (id bigserial PRIMARY KEY, job text UNIQUE NOT NULL, type text NOT NULL, recipient text NOT NULL, message_id text NOT NULL, attempts int NOT NULL, status text NOT NULL, at timestamptz NOT NULL DEFAULT now())');
  const { Queue: Queues } = peer<typeof import('bullmq')>('bullmq');
  const queue: Queue = new Queues(QUEUE, { connection: connection(redis.port), defaultJobOptions: { attempts: 3, backoff: { type: 'exponential', delay: 1000 }, removeOnComplete: true } });
  const worker = startChild('bullmq', { BENCH_REDIS: String(redis.port), BENCH_SMTP: String(smtpPort), BENCH_URL: database });
  await new Promise<void>((resolve) => { worker.once('message', () => resolve()); });
  let next = 10_000_000;
  let rows = 0;

  const logged = async (wanted: number): Promise<void> => {
    for (;;) {
      const { rows: [row] } = await pool.query<{ n: string }>('SELECT count(*) AS n FROM sent');
      if (Number(row!.n) >= wanted) return;
      await new Promise((resolve) => { setTimeout(resolve, 20); });
    }
  };
  const publish = async (n: number): Promise<void> => { await queue.add('CREATION', { n, ...loanOut(n, 'EMAIL') }, { jobId: `created-${n}` }); };

  return {
    version: redis.version, pids: [worker.pid!, redis.pid], publish,
    logged: async (wanted) => { await logged(rows + wanted); rows += wanted; },
    async deliver(count) {
      const started = performance.now();
      await eachOf(count, QUEUED_AT_ONCE, () => publish(next++));
      rows += count;
      await logged(rows);
      return count / ((performance.now() - started) / 1000);
    },
    async stop() {
      worker.kill();
      await queue.close();
      await pool.end();
      await redis.stop();
    },
  };
}

/** The worker: one process, as many jobs and connections at once as Rappel's email service. */
export const runBullWorker: ChildRole = async (tell) => {
  const pool = createPool(process.env['BENCH_URL']!);
  const { send } = mailer(Number(process.env['BENCH_SMTP']));
  const renderer = createRenderer();
  const { Worker: Workers } = peer<typeof import('bullmq')>('bullmq');
  const worker: Worker = new Workers(QUEUE, async (job: Job<{ n: number }>) => {
    const { n } = job.data;
    const messageId = await send({ to: recipient(n), ...renderer.email(mailOf(n)) });
    await pool.query({
      name: 'sent', text: 'INSERT INTO sent (job, type, recipient, message_id, attempts, status) VALUES ($1, $2, $3, $4, $5, $6)',
      values: [job.id, 'CREATION', recipient(n), messageId, job.attemptsStarted, 'ENVOYEE'],
    });
  }, { connection: connection(Number(process.env['BENCH_REDIS'])), concurrency: CONCURRENCY });
  worker.on('error', (error) => { process.stderr.write(`${String(error)}\n`); });
  await worker.waitUntilReady();
  tell({ ready: true });
};
