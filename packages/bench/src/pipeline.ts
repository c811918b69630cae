import { createRenderer } from '@rappel/templates';
import { startBullPipeline, type BullPipeline } from './bullmq.ts';
import type { Part } from './context.ts';
import { compare, eachOf, takeTurns, type Contestant, type Row } from './figures.ts';
import { mailOf } from './loans.ts';
import { mailer } from './mailer.ts';
import { recipient } from './sink.ts';
import type { World } from './world.ts';

const OURS = 'Rappel';
const RAW = 'raw nodemailer, pooled';
const BULL = 'BullMQ + nodemailer + log row';

/** Loan event in → mail accepted, recorded and in the log. */
export const pipeline: Part = async (context) => {
  const { count } = context;
  const world = await context.hosts.world();
  const raw = rawMails(world);
  const bull = await startBull(world);
  try {
    const contestants: Contestant[] = [
      { name: RAW, run: () => raw.send(count) },
      ...('notRun' in bull ? [] : [{ name: BULL, run: () => bull.deliver(count) }]),
      { name: OURS, run: () => world.deliver(count, 'EMAIL') },
    ];
    const samples = await takeTurns(contestants, context);
    const name = `pipeline, email: ${count} loan events → accepted, recorded, in the log`;
    const rows: Row[] = [compare(samples, { name, unit: '/s', ours: OURS, beside: RAW, target: '≥ 0.5', reached: (ratio) => ratio >= 0.5 })];
    rows.push('notRun' in bull ? { name: `${name} (BullMQ)`, notRun: bull.notRun } : compare(samples, { name, unit: '/s', ours: OURS, beside: BULL, target: '≥ 1.0', reached: (ratio) => ratio >= 1 }));
    return rows;
  } finally {
    raw.close();
    if (!('notRun' in bull)) await bull.stop();
    await world.stop();
  }
};

/** The BullMQ pipeline into the same sink and on the same PostgreSQL, or why it cannot run. */
export async function startBull(world: World): Promise<BullPipeline | { notRun: string }> {
  try {
    return await startBullPipeline({ database: await world.database('bullmq'), smtpPort: world.sink.port });
  } catch (error) {
    return { notRun: (error as Error).message };
  }
}

function rawMails({ sink }: World): { send(count: number): Promise<number>; close(): void } {
  const mail = createRenderer().email(mailOf(1));
  const { send, close } = mailer(sink.port);
  return {
    close,
    async send(count) {
      const started = performance.now();
      await eachOf(count, 256, (n) => send({ to: recipient(n), ...mail }));
      return count / ((performance.now() - started) / 1000);
    },
  };
}
