import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { jetstreamManager } from '@nats-io/jetstream';
import type { Channel } from '@rappel/contracts';
import { readState, type EventStore } from '@rappel/event-store';
import { createPostgresEventStore } from '@rappel/event-store-postgres';
import { createDatabase, startInbox, startNats, startTwilioSimulator, until, type Inbox, type NatsServer, type TwilioSimulator } from '@rappel/local-stack';
import { connectBus, migrateMessaging } from '@rappel/messaging';
import { migrateDelivery, notificationFold, notificationId, notificationStream, type Provider } from '@rappel/notification';
import { createScene } from '@rappel/notification/testing';
import { createPool, type Pool } from '@rappel/postgres';
import { createRenderer } from '@rappel/templates';
import { createSmtpProvider } from '../../services/email/src/smtp.ts';
import { createTwilioClient } from '../../services/whatsapp/src/client.ts';
import { createTwilioProvider } from '../../services/whatsapp/src/twilio.ts';
import type { WhatsappConfig } from '../../services/whatsapp/src/config.ts';
import type { Point } from './support/fuse.ts';
import { startLife } from './support/life.ts';

// A service dies at each of these points, on a real PostgreSQL, NATS, SMTP inbox and Twilio simulator, and another one starts.
// The figures are the messages that the borrower has at the end. Neither channel may lose one; WhatsApp never doubles one. SMTP leaves
// no evidence, so by policy (`resend`) a mail whose fate is unknown is sent once more under the same Message-ID: those are the twos.
type Row = readonly [point: Point, whatsapp: number | '-', email: number | '-'];
type Scenario = 'taken' | 'refused once' | 'answer lost' | 'refused for good';
const killPoints: Readonly<Record<Scenario, readonly Row[]>> = {
  'taken': [
    ['before publish AttributionCreated', 1, 1],
    ['after publish AttributionCreated', 1, 1],
    ['before handling', 1, 1],
    ['before append AttemptStarted', 1, 1],
    ['after append AttemptStarted', 1, 1],
    ['before send', 1, 1],
    ['after send', 1, 2],
    ['before append AttemptAccepted', 1, 2],
    ['after append AttemptAccepted', 1, 1],
    ['before put receipt', 1, '-'],
    ['after put receipt', 1, '-'],
    ['before ack', 1, 1],
    ['after ack', 1, 1],
    ['before publish NotificationSent', 1, 1],
    ['after publish NotificationSent', 1, 1],
  ],
  'refused once': [
    ['before append AttemptFailed', 1, 1],
    ['after append AttemptFailed', 1, 1],
    ['before put retry', 1, 1],
    ['after put retry', 1, 1],
    ['after claim', 1, 1],
    ['before finish', 1, 1],
    ['after finish', 1, 1],
  ],
  'answer lost': [
    ['before append AttemptUnknown', 1, 2],
    ['after append AttemptUnknown', 1, 2],
    ['before put unknown', 1, 2],
    ['after put unknown', 1, 2],
    ['before look for evidence', 1, 2],
    ['after look for evidence', 1, 2],
    ['before append AttemptSettled', 1, 2],
    ['after append AttemptSettled', 1, 2],
  ],
  'refused for good': [
    ['before append NotificationGivenUp', 0, 0],
    ['after append NotificationGivenUp', 0, 0],
    ['before publish NotificationGivenUp', 0, 0],
    ['after publish NotificationGivenUp', 0, 0],
  ],
};

let nats: NatsServer;
let inbox: Inbox;
let twilio: TwilioSimulator;
let pool: Pool;
let store: EventStore;
let postgresUrl: string;
let email: Provider & { close(): void };
let whatsapp: Provider;
const folder = mkdtempSync(join(tmpdir(), 'rappel-kill-points-'));
/** As many as PostgreSQL has connections for. */
const AT_ONCE = 24;
const now = (): string => new Date().toISOString();

interface Ending { readonly received: number; readonly messageIds: number; readonly phase: string; readonly announced: readonly string[] }
const endings = new Map<string, Promise<Ending>>();
const cases = (['WHATSAPP', 'EMAIL'] as const).flatMap((channel) => Object.entries(killPoints).flatMap(([scenario, rows]) =>
  rows.flatMap(([point, ...counts]) => {
    const expected = counts[channel === 'WHATSAPP' ? 0 : 1]!;
    return expected === '-' ? [] : [{ channel, scenario: scenario as Scenario, point, expected }];
  })));

beforeAll(async () => {
  [nats, inbox, twilio, postgresUrl] = await Promise.all([
    startNats({ storeDir: folder, durable: false }), startInbox(), startTwilioSimulator({ settings: { statusDelayMs: 600_000 } }),
    createDatabase(process.env['TEST_POSTGRES_URL']!, `kill_points_${randomUUID().slice(0, 8)}`),
  ]);
  pool = createPool(postgresUrl);
  await Promise.all([migrateDelivery(pool), migrateMessaging(pool)]);
  store = createPostgresEventStore({ connectionString: postgresUrl });
  const renderer = createRenderer();
  const config = {
    TWILIO_ACCOUNT_SID: twilio.accountSid, TWILIO_AUTH_TOKEN: [twilio.authToken], TWILIO_WHATSAPP_FROM: 'whatsapp:+14155238886', TWILIO_BASE_URL: twilio.url,
    TWILIO_CONTENT_SIDS: {}, TWILIO_TIMEOUT_MS: 10_000, TWILIO_SETTLE_MS: 500, DELIVERY_CONCURRENCY: 64, RAPPEL_DEFAULT_COUNTRY: 'FR', HOST: '127.0.0.1', PORT: 1,
  } as unknown as WhatsappConfig;
  whatsapp = createTwilioProvider({ client: createTwilioClient(config), config, renderer, onUnlisted: () => undefined });
  email = createSmtpProvider({
    config: { SMTP_HOST: inbox.smtpHost, SMTP_PORT: inbox.smtpPort, SMTP_USER: undefined, SMTP_PASSWORD: undefined, SMTP_FROM: 'pret@example.org', SMTP_SECURE: false, SMTP_CONNECTIONS: 20, SMTP_TIMEOUT_MS: 10_000, RAPPEL_EMAIL_UNKNOWN: 'resend' },
    renderer, unsubscribeUrl: () => undefined,
  });
  // Side by side: most of each case is waiting for a dead process's claim to end.
  const lanes: Promise<unknown>[] = Array.from({ length: AT_ONCE }, () => Promise.resolve());
  for (const [index, one] of cases.entries()) {
    const ending = lanes[index % AT_ONCE]!.then(() => play(one, index));
    lanes[index % AT_ONCE] = ending.catch(() => undefined);
    endings.set(nameOf(one), ending);
  }
});
afterAll(async () => {
  await Promise.allSettled(endings.values());
  email?.close();
  await store?.close();
  await pool?.end();
  await Promise.all([nats?.stop(), inbox?.stop(), twilio?.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

type Case = (typeof cases)[number];
const nameOf = ({ channel, scenario, point }: Case): string => `${channel} ${scenario} ${point}`;

/** The address that meets what the scenario wants. */
function addressFor({ channel, scenario }: Case, index: number): string {
  if (channel === 'EMAIL') return `${{ 'taken': 'borrower', 'refused once': 'tempfail-451-1', 'answer lost': 'drop-after-data-1', 'refused for good': 'bounce-550' }[scenario]}+${index}@example.org`;
  const number = `+336123${String(index).padStart(5, '0')}`;
  const behaviour = { 'taken': {}, 'refused once': { reject: 63012, times: 1 }, 'answer lost': { fault: '500-after-accept', times: 1 }, 'refused for good': { reject: 21211 } } as const;
  twilio.behave(number, behaviour[scenario]);
  return number;
}

/** Lends, lets a service die at the point, starts another one, and waits until all is over. */
async function play(one: Case, index: number): Promise<Ending> {
  const { channel, scenario, point } = one;
  const [name, loan, borrowerId, address] = [`k${index}`, `loan-${index}`, `borrower-${index}`, addressFor(one, index)];
  const life = { name, loan, channel, store, pool, postgresUrl, natsUrl: nats.url, provider: channel === 'EMAIL' ? email : whatsapp };
  const first = await startLife({ ...life, end: point });
  const scene = createScene({ store, now });
  await scene.borrower({ borrowerId, ...(channel === 'EMAIL' ? { email: address } : { phone: address }) });
  await scene.lend(loan, borrowerId);
  const overdue = new Promise((_, reject) => { setTimeout(() => reject(new Error(`nothing came to the point "${point}"`)), 40_000).unref(); });
  await Promise.race([first.over, overdue]).finally(() => first.kill());

  const second = await startLife({ ...life, comesLater: true });
  const id = notificationId({ attributionId: loan, dueVersion: 1, type: 'CREATION', occurrence: 1, channel });
  const wanted = scenario === 'refused for good' ? 'given-up' : 'accepted';
  const phaseOf = async () => (await readState(store, notificationFold, notificationStream(id))).state.phase;
  const bus = await connectBus({ servers: nats.url, name: 'spec' });
  const jsm = await jetstreamManager(bus);
  try {
    await until(`${nameOf(one)}: ${wanted}`, async () => {
      await pool.query("UPDATE delivery.waiting SET not_before_real = now() WHERE channel = $1 AND not_before_real > now() AND reason IN ('lease', 'unknown')", [`${channel}-${name}`]);
      return (await phaseOf()) === wanted || undefined;
    }, { patienceMs: 40_000 });
    await until(`${nameOf(one)}: acknowledged`, async () => (await second.lag()) === 0 || undefined);
    const announced = await until(`${nameOf(one)}: announced`, async () => {
      const { state } = await jsm.streams.info(`${name}-out`, { subjects_filter: '>' });
      return state.messages > 0 ? Object.entries(state.subjects ?? {}).map(([subject, count]) => `${count} ${subject.split('.')[2]}`) : undefined;
    });
    return { ...await received(channel, address), phase: await phaseOf(), announced };
  } finally {
    await Promise.all([bus.close(), second.kill()]);
  }
}

async function received(channel: Channel, address: string): Promise<Pick<Ending, 'received' | 'messageIds'>> {
  if (channel === 'WHATSAPP') {
    const messages = twilio.messages().filter(({ to }) => to === address);
    return { received: messages.length, messageIds: messages.length };
  }
  const mails = await inbox.mails({ to: address });
  return { received: mails.length, messageIds: new Set(mails.map(({ messageId }) => messageId)).size };
}

describe.each(['WHATSAPP', 'EMAIL'] as const)('killed and started again, %s', (channel) => {
  describe.each(Object.keys(killPoints) as Scenario[])('%s', (scenario) => {
    it.each(cases.filter((one) => one.channel === channel && one.scenario === scenario))('$point: $expected', async (one) => {
      const arrives = scenario !== 'refused for good';
      expect(await endings.get(nameOf(one))).toEqual({
        received: one.expected,
        messageIds: channel === 'EMAIL' ? Math.min(1, one.expected) : one.expected,
        phase: arrives ? 'accepted' : 'given-up',
        announced: [arrives ? '1 NotificationSent' : '1 NotificationGivenUp'],
      });
    });
  });
});
