import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CreateAttribution } from '@rappel/contracts';
import { createSteering, ORIGIN, publishUntilAnswered, readLog, type LoggedNotification, type Steering } from '@rappel/demo';
import { startStack, until, type Service, type Stack } from '@rappel/local-stack';
import { connectBus } from '@rappel/messaging';

export const services = ['loan', 'scheduler', 'email', 'whatsapp', 'notification-log'] as const;
type ServiceName = (typeof services)[number];

/** A notification as the log's API shows it. */
export interface Logged extends LoggedNotification {
  readonly type: string;
  readonly attempts: number;
  readonly phase: string;
  readonly errorText: string | null;
  readonly sentAt: string | null;
  readonly waitingFor: string | null;
  readonly delivery: string | null;
}

/** All services as processes on real servers, seen from outside: what upstream publishes, what the log's API says. */
export interface WholeSystem {
  readonly stack: Stack;
  readonly services: Readonly<Record<ServiceName, Service>>;
  /** The business clock of all services; it stands still between two steps. */
  readonly clock: Steering;
  /** Publishes a loan on NATS as upstream does, until the loan service says that it is stored. It is due ten business days later. */
  lend(attributionId: string, borrower: Partial<CreateAttribution['borrower']>): Promise<void>;
  /** The whole log. */
  log(): Promise<Logged[]>;
  /** Waits until the log's API says what is wanted of the only notification of a loan. */
  logged(attributionId: string, wanted: (one: Logged) => boolean): Promise<Logged>;
  stop(): Promise<void>;
}

export async function startWholeSystem(env: Record<string, string>): Promise<WholeSystem> {
  const folder = mkdtempSync(join(tmpdir(), 'rappel-clock-'));
  const clockFile = join(folder, 'clock.json');
  const clock = createSteering(clockFile, ORIGIN);
  const stack = await startStack({ postgres: { durable: false }, nats: { durable: false }, env: { RAPPEL_AUTH: 'off', RAPPEL_CLOCK: `file:${clockFile}`, ...env } });
  try {
    const running = Object.fromEntries(await Promise.all(services.map(async (name) => [name, await stack.startService(name, { patienceMs: 120_000 })] as const))) as Record<ServiceName, Service>;
    const upstream = await connectBus({ servers: stack.nats!.url, name: 'upstream', inboxPrefix: '_INBOX_upstream', ...stack.natsLogin('upstream') });
    const log = () => readLog<Logged>(running['notification-log'].url, '');
    return {
      stack, services: running, clock, log,
      async lend(attributionId, borrower) {
        const due = new Date(Date.parse(clock.now()) + 10 * 86_400_000).toISOString().slice(0, 10);
        const data = { attributionId, borrower: { id: `of-${attributionId}`, firstName: 'Jean', ...borrower }, item: { code: 'PERC-001', name: 'Perceuse Bosch' }, duration: 'LONG', due: { date: due, time: '16:30' } };
        const refusal = await publishUntilAnswered(upstream, { id: `${attributionId}-created`, type: 'AttributionCreated', at: clock.now(), data });
        if (refusal !== undefined) throw new Error(`${attributionId} was refused: ${refusal}`);
      },
      async logged(attributionId, wanted) {
        let last: Logged | undefined;
        return until(`the notification of ${attributionId}`, async () => {
          last = (await log()).find((one) => one.attributionId === attributionId);
          return last && wanted(last) ? last : undefined;
        }, { tooLate: () => `the log has ${JSON.stringify(last)}` });
      },
      async stop() {
        await upstream.close();
        await stack.stop();
        rmSync(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await stack.stop();
    throw error;
  }
}
