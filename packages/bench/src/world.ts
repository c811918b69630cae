import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { jetstream } from '@nats-io/jetstream';
import type { Channel } from '@rappel/contracts';
import { createDatabase, startStack, until, workspaceRoot, type Service, type Stack } from '@rappel/local-stack';
import { connectBus } from '@rappel/messaging';
import { createPool, type Pool } from '@rappel/postgres';
import { eachOf } from './figures.ts';
import { ORIGIN, publishLoan } from './loans.ts';
import { startSink, type Sink } from './sink.ts';
import { startSimulator, type Simulator } from './simulator.ts';

const SERVICES = ['loan', 'scheduler', 'email', 'whatsapp', 'notification-log'];
const PUBLISHED_AT_ONCE = 256;

/** Rappel as a whole, on real and durable servers, beside a mail sink and a Twilio simulator in processes of their own. */
export interface World {
  readonly stack: Stack;
  readonly sink: Sink;
  readonly twilio: Simulator;
  readonly pool: Pool;
  readonly services: readonly Service[];
  /** Milliseconds from the start of a service to its readiness. */
  readonly startUp: Readonly<Record<string, number>>;
  /** Publishes `count` new loans and resolves once as many messages were accepted, recorded and are in the log; messages a second. */
  deliver(count: number, channel: Channel): Promise<number>;
  /** Publishes the next loan; resolves to its number once NATS has it. */
  publish(channel: Channel): { n: number; published: Promise<void> };
  /** A database of its own on the same server. */
  database(name: string): Promise<string>;
  stop(): Promise<void>;
}

export interface WorldOptions {
  /** Where the services leave their CPU profiles; absent = they are not profiled. */
  readonly profiles?: string;
  say(text: string): void;
}

export async function startWorld({ profiles, say }: WorldOptions, env: Record<string, string> = {}): Promise<World> {
  const [sink, twilio] = await Promise.all([startSink(), startSimulator()]);
  const stack = await startStack({
    inbox: false, twilio: false,
    env: {
      SMTP_HOST: '127.0.0.1', SMTP_PORT: String(sink.port), SMTP_SECURE: 'false', SMTP_FROM: 'Rappel <rappel@example.org>',
      ...twilio.env, RAPPEL_CLOCK: `${ORIGIN}@${new Date().toISOString()}*1`,
      ...(profiles && { NODE_OPTIONS: `--import ${pathToFileURL(join(workspaceRoot, 'packages/bench/src/profiler.mjs')).href}`, RAPPEL_PROFILES: profiles }), ...env,
    },
  });
  if (profiles) mkdirSync(profiles, { recursive: true });
  const startUp: Record<string, number> = {};
  // At the same time: each waits for streams that another one creates.
  await Promise.all(SERVICES.map(async (name) => {
    const started = performance.now();
    await stack.startService(name, { patienceMs: 120_000 });
    startUp[name] = performance.now() - started;
  }));
  const pool = createPool(stack.env['DATABASE_URL']!, { max: 2, name: 'rappel-bench' });
  const bus = await connectBus({ servers: stack.env['NATS_URL']!, name: 'bench', inboxPrefix: '_INBOX_upstream', ...stack.natsLogin('upstream') });
  const js = jetstream(bus);
  let next = 0;
  let databases = 0;

  const sentInLog = async (): Promise<number> => Number((await pool.query<{ n: string }>("SELECT count(*) AS n FROM log.notification WHERE status = 'ENVOYEE'")).rows[0]!.n);
  /** All that was ever published led to a message. */
  const logged = () => until('the log', async () => (await sentInLog() >= next ? true : undefined), {
    patienceMs: 300_000, tooLate: () => `sink ${sink.count()}, wanted ${next}`,
  });
  const publish = (channel: Channel) => {
    const n = next++;
    return { n, published: publishLoan(js, n, channel) };
  };

  say(`  services are up: ${Object.entries(startUp).map(([name, ms]) => `${name} ${Math.round(ms)} ms`).join(', ')}`);
  return {
    stack, sink, twilio, pool, startUp, publish, services: stack.services,
    async deliver(count, channel) {
      const started = performance.now();
      const accepted = channel === 'EMAIL' ? sink.count : twilio.count;
      const before = await accepted();
      await eachOf(count, PUBLISHED_AT_ONCE, () => publish(channel).published);
      await until('the sink', async () => (await accepted() >= before + count ? true : undefined), { patienceMs: 300_000 });
      await logged();
      return count / ((performance.now() - started) / 1000);
    },
    database: (name) => createDatabase(stack.postgres!.url, `${name}_${++databases}`),
    async stop() {
      await bus.close();
      await pool.end();
      await stack.stop();
      sink.stop();
      await twilio.stop();
    },
  };
}
