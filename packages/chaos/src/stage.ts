import { join } from 'node:path';
import { createSteering, ORIGIN, type Steering } from '@rappel/demo';
import { startStack, type Service, type Stack } from '@rappel/local-stack';
import { openLine, type Line } from './line.ts';
import { instances } from './plan.ts';

/** Everything that is under test, and the hands on it. */
export interface Stage {
  readonly stack: Stack;
  readonly steering: Steering;
  readonly lines: Readonly<Record<'nats' | 'postgres', Line>>;
  /** By name and number: `email-2`. */
  readonly services: ReadonlyMap<string, Service>;
  stop(): Promise<void>;
}

/**
 * Short technical time-outs, so that a crash is looked into within half a minute, and enough attempts that refusals never
 * end a notification: what is not received is then lost.
 */
const settings = {
  LOG_LEVEL: 'info', RAPPEL_RATE_LIMIT: '0', RAPPEL_ATTEMPTS: '50', RAPPEL_RETRY_DELAYS: '60,300', CHANNEL_PROBE_MS: '1000,2000',
  DELIVERY_LEASE_MS: '20000', TWILIO_TIMEOUT_MS: '3000', SMTP_TIMEOUT_MS: '6000', RAPPEL_EMAIL_UNKNOWN: 'resend',
};
/** A loaded machine takes its time. */
const PATIENCE_MS = 240_000;
const LAUNCHES = 5;

/** Seven processes that start together on a loaded machine may wait too long for their database; they are started again then. */
async function launch(start: () => Promise<Service>, left = LAUNCHES): Promise<Service> {
  try {
    return await start();
  } catch (error) {
    if (left === 1) throw error;
    return launch(start, left - 1);
  }
}

/** Starts servers, the lines to them and every instance of every service. What it starts in `data` ends with this process. */
export async function setStage(data: string, seed: number, isLeaving: () => boolean): Promise<Stage> {
  const clockFile = join(data, 'clock.json');
  const steering = createSteering(clockFile, ORIGIN);
  const stack = await startStack({ dataDir: data, inbox: { seed }, twilio: { seed } });
  const [nats, postgres] = await Promise.all([openLine(stack.nats!.port), openLine(stack.postgres!.port)]);
  const stop = async (): Promise<void> => {
    await stack.stop();
    await Promise.all([nats.stop(), postgres.stop()]);
  };
  if (isLeaving()) {
    await stop();
    throw new Error('interrupted');
  }
  const through = (url: string, line: Line): string => Object.assign(new URL(url), { port: String(line.port) }).href;
  const database = through(stack.env['DATABASE_URL']!, postgres);
  const env = {
    ...settings, RAPPEL_CLOCK: `file:${clockFile}`,
    DATABASE_URL: database, EVENT_STORE_URL: database, NATS_URL: `nats://127.0.0.1:${nats.port}`,
  };
  const wanted = Object.entries(instances).flatMap(([name, count]) => Array.from({ length: count }, (_, index) => ({ name, instance: index + 1 })));
  try {
    const started = await Promise.all(wanted.map(async ({ name, instance }) => [`${name}-${instance}`, await launch(() => stack.startService(name, { instance, env, patienceMs: PATIENCE_MS }))] as const));
    return { stack, steering, lines: { nats, postgres }, services: new Map(started), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
