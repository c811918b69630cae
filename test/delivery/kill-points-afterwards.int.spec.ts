import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { publicEvents, type Channel } from '@rappel/contracts';
import type { EventStore } from '@rappel/event-store';
import { createPostgresEventStore } from '@rappel/event-store-postgres';
import { createDatabase, startInbox, startTwilioSimulator, until, type Inbox, type TwilioSimulator } from '@rappel/local-stack';
import {
  announceNotification, channelStream, createGate, createPostgresWaiting, defaultDeliveryConfig, deliver, fallBack, migrateDelivery, notificationId, notificationStream,
  replay, resolve, suppressionStream, takeReceipt, unlimited, workOnce, type DeliveryDependencies, type Provider,
} from '@rappel/notification';
import { createScene } from '@rappel/notification/testing';
import { createPool, type Pool } from '@rappel/postgres';
import { createRenderer } from '@rappel/templates';
import { getExpectedTwilioSignature } from 'twilio/lib/webhooks/webhooks.js';
import { BouncesController } from '../../services/email/src/bounces.controller.ts';
import { signBounce } from '../../services/email/src/bounces.ts';
import type { EmailConfig } from '../../services/email/src/config.ts';
import { createSmtpProvider } from '../../services/email/src/smtp.ts';
import { createTwilioClient } from '../../services/whatsapp/src/client.ts';
import type { WhatsappConfig } from '../../services/whatsapp/src/config.ts';
import { RepliesController } from '../../services/whatsapp/src/replies.controller.ts';
import { createTwilioProvider } from '../../services/whatsapp/src/twilio.ts';
import { createFuse, fusedProvider, fusedStore, fusedWaiting, type Fuse, type Point } from './support/fuse.ts';

// What comes after a message was handed over, with a service that dies at each of these points, on a real PostgreSQL, SMTP inbox
// and Twilio simulator. Whoever got no answer (Twilio, the mail server, the bus, an operator) says it again to the next process.
type Events = Readonly<Record<string, number>>;
interface Ending { readonly events: Events; readonly whatsapp: number; readonly mails: number }
type Row = readonly [point: Point, differs?: Partial<Ending>];
interface Scenario {
  /** What everything looks like before: answers with what the dying process is asked to do. */
  prepare(one: Case): Promise<(deps: Record<Channel, DeliveryDependencies>) => Promise<unknown>>;
  /** What it comes to, wherever it died; `differs` where that point leaves something else. */
  readonly comesTo: Ending;
  readonly points: readonly Row[];
}
interface Case { readonly name: string; readonly n: number; readonly loan: string; readonly borrower: string; readonly phone: string; readonly email: string }

const given = { NotificationRequested: 1, AttemptStarted: 1, AttemptAccepted: 1 };
const around = (...names: string[]): Row[] => names.flatMap((name): Row[] => [[`before ${name}`], [`after ${name}`]]);
const asked = async (work: Promise<unknown>): Promise<unknown> => work.catch((error: unknown) => error);

const scenarios: Readonly<Record<string, Scenario>> = {
  'a receipt': {
    prepare: async (one) => { await sent(one); return (deps) => receipt(one, deps.WHATSAPP, 'delivered'); },
    comesTo: { events: { ...given, DeliveryReported: 1 }, whatsapp: 1, mails: 0 },
    points: around('append DeliveryReported'),
  },
  'a receipt of a refusal': {
    prepare: async (one) => { await sent(one); return (deps) => receipt(one, deps.WHATSAPP, 'undelivered', '63014'); },
    comesTo: { events: { ...given, DeliveryReported: 1, ChannelSuppressed: 1 }, whatsapp: 1, mails: 0 },
    points: around('append DeliveryReported', 'append ChannelSuppressed'),
  },
  'a receipt of a bad configuration': {
    prepare: async (one) => { await sent(one); return (deps) => receipt(one, deps.WHATSAPP, 'undelivered', '63007'); },
    comesTo: { events: { ...given, DeliveryReported: 1, ChannelPaused: 1 }, whatsapp: 1, mails: 0 },
    points: [
      ['before append DeliveryReported'],
      // A receipt that comes again may be older than the mending: it is the next message's that pauses.
      ['after append DeliveryReported', { events: { ...given, DeliveryReported: 1 } }], ['before append ChannelPaused', { events: { ...given, DeliveryReported: 1 } }],
      ['after append ChannelPaused'],
    ],
  },
  'a receipt that proves an attempt of which nobody knew': {
    prepare: async (one) => {
      twilio.behave(one.phone, { fault: '500-after-accept', times: 1 });
      await sent(one);
      await receipt(one, services(one).WHATSAPP, 'delivered');
      return (deps) => workOff(deps.WHATSAPP, one);
    },
    comesTo: { events: { NotificationRequested: 1, AttemptStarted: 1, AttemptUnknown: 1, DeliveryReported: 1, AttemptSettled: 1 }, whatsapp: 1, mails: 0 },
    points: [['after claim'], ...around('append AttemptSettled', 'finish')],
  },
  'an email instead': {
    prepare: async (one) => {
      twilio.behave(one.phone, { reject: 63024 });
      await sent(one);
      const message = await announced(one, 'NotificationGivenUp');
      return (deps) => fallBack(deps.EMAIL, message, ['RECIPIENT']);
    },
    comesTo: { events: { ...given, NotificationRequested: 2, AttemptStarted: 2, AttemptFailed: 1, NotificationGivenUp: 1, NotificationReplaced: 1 }, whatsapp: 0, mails: 1 },
    points: [
      ['before append NotificationReplaced'],
      ...([['after append NotificationReplaced', 1], ['before send', 1], ['after send', 2], ['before append AttemptAccepted', 2]] as const).map(([point, mails]): Row =>
        [point, { mails, events: { NotificationRequested: 2, AttemptStarted: 3, AttemptFailed: 1, NotificationGivenUp: 1, NotificationReplaced: 1, AttemptUnknown: 1, AttemptSettled: 1, AttemptAccepted: 1 } }]),
      ['after append AttemptAccepted'],
    ],
  },
  'a bounce': {
    prepare: async (one) => { await mailed(one); return (deps) => bounce(one, deps.EMAIL); },
    comesTo: { events: { ...given, DeliveryReported: 1, ChannelSuppressed: 1 }, whatsapp: 0, mails: 1 },
    points: around('append DeliveryReported', 'append ChannelSuppressed'),
  },
  'a reply STOP': {
    prepare: async (one) => {
      await sent(one);
      const form = { From: `whatsapp:${one.phone}`, Body: 'STOP', MessageSid: `SM-${one.n}` };
      return ({ WHATSAPP }) => new RepliesController(WHATSAPP, { borrowersWith: async () => [one.borrower], catchUp: async () => undefined }, whatsappConfig, silent, registry)
        .receive({ url: '/webhooks/twilio/replies' }, form, getExpectedTwilioSignature(twilio.authToken, `${PUBLIC_URL}/webhooks/twilio/replies`, form));
    },
    comesTo: { events: { ...given, ChannelSuppressed: 1 }, whatsapp: 1, mails: 0 },
    points: around('append ChannelSuppressed'),
  },
  'an operator who says that it was not sent': {
    prepare: async (one) => {
      twilio.behave(one.phone, { fault: '500-before-accept', times: 1 });
      await sent(one, { settle: async () => ({ kind: 'held', evidence: 'policy-hold' }) });
      return (deps) => resolve(deps.WHATSAPP, idOf(one, 'WHATSAPP'), { verdict: 'not-sent', actor: 'operator:alice', why: 'nothing in the console' });
    },
    comesTo: { events: { NotificationRequested: 1, AttemptStarted: 2, AttemptUnknown: 1, AttemptSettled: 2, AttemptAccepted: 1 }, whatsapp: 1, mails: 0 },
    points: around('put reminder', 'append AttemptSettled', 'put replay'),
  },
  'an operator who replays it': {
    prepare: async (one) => {
      twilio.behave(one.phone, { reject: 21211, times: 1 });
      await sent(one);
      return (deps) => replay(deps.WHATSAPP, idOf(one, 'WHATSAPP'), { actor: 'operator:alice', why: 'the number is mended' });
    },
    comesTo: { events: { ...given, AttemptStarted: 2, AttemptFailed: 1, NotificationGivenUp: 1, NotificationReplayed: 1 }, whatsapp: 1, mails: 0 },
    points: around('put reminder', 'append NotificationReplayed', 'put replay'),
  },
};

const cases = Object.entries(scenarios).flatMap(([scenario, { points }]) => points.map(([point, differs]) => ({ scenario, point, differs })));
const PUBLIC_URL = 'http://127.0.0.1:1';
const SECRET = 'a secret of the test';
/** As patient as production: a slow machine is no crash. Nobody waits for a dead process's lease, see `services`. */
const TIMEOUT_MS = 10_000;
const LEASE_MS = 30_000;
const silent = { info: () => undefined, warn: () => undefined } as never;
const registry = { registerMetric: () => undefined } as never;
const now = (): string => new Date().toISOString();

let inbox: Inbox;
let twilio: TwilioSimulator;
let pool: Pool;
let store: EventStore;
let providers: { EMAIL: Provider & { close(): void }; WHATSAPP: Provider };
let whatsappConfig: WhatsappConfig;
let endings: ReadonlyMap<string, Promise<Ending>>;

beforeAll(async () => {
  const [url, startedInbox, startedTwilio] = await Promise.all([
    createDatabase(process.env['TEST_POSTGRES_URL']!, `kill_points_${randomUUID().slice(0, 8)}`), startInbox(), startTwilioSimulator({ settings: { statusDelayMs: 600_000 } }),
  ]);
  [inbox, twilio, pool] = [startedInbox, startedTwilio, createPool(url)];
  await migrateDelivery(pool);
  store = createPostgresEventStore({ connectionString: url });
  const renderer = createRenderer();
  whatsappConfig = {
    TWILIO_ACCOUNT_SID: twilio.accountSid, TWILIO_AUTH_TOKEN: [twilio.authToken], TWILIO_WHATSAPP_FROM: 'whatsapp:+14155238886', TWILIO_BASE_URL: twilio.url, PUBLIC_URL: [PUBLIC_URL],
    TWILIO_CONTENT_SIDS: {}, TWILIO_TIMEOUT_MS: TIMEOUT_MS, TWILIO_SETTLE_MS: 500, DELIVERY_CONCURRENCY: 64, RAPPEL_DEFAULT_COUNTRY: 'FR', HOST: '127.0.0.1', PORT: 1,
  } as unknown as WhatsappConfig;
  providers = {
    WHATSAPP: createTwilioProvider({ client: createTwilioClient(whatsappConfig), config: whatsappConfig, renderer, onUnlisted: () => undefined }),
    EMAIL: createSmtpProvider({
      config: { SMTP_HOST: inbox.smtpHost, SMTP_PORT: inbox.smtpPort, SMTP_USER: undefined, SMTP_PASSWORD: undefined, SMTP_FROM: 'pret@example.org', SMTP_SECURE: false, SMTP_CONNECTIONS: 20, SMTP_TIMEOUT_MS: TIMEOUT_MS, RAPPEL_EMAIL_UNKNOWN: 'resend' },
      renderer, unsubscribeUrl: () => undefined,
    }),
  };
  endings = new Map(cases.map((one, n) => [nameOf(one), play(one, n)]));
  await Promise.allSettled(endings.values());
});
afterAll(async () => {
  providers?.EMAIL.close();
  await store?.close();
  await pool?.end();
  await Promise.all([inbox?.stop(), twilio?.stop()]);
});

const nameOf = ({ scenario, point }: Pick<(typeof cases)[number], 'scenario' | 'point'>): string => `${scenario}: ${point}`;
const idOf = ({ loan }: Case, channel: Channel): string => notificationId({ attributionId: loan, dueVersion: 1, type: 'CREATION', occurrence: 1, channel });
/** Every case has channels of its own to pause, and lists of what waits. */
const own = ({ name }: Case, channel: Channel): Channel => `${channel}-${name}` as Channel;

/** Both services as one process has them; with a fuse, one that dies; `comesLater`, one that comes when every lease of the dead one is over. */
function services(one: Case, { fuse, provider = {}, comesLater = false }: { fuse?: Fuse; provider?: Partial<Provider>; comesLater?: boolean } = {}): Record<Channel, DeliveryDependencies> {
  const realNow = comesLater ? (): string => new Date(Date.now() + LEASE_MS).toISOString() : now;
  const service = (channel: Channel): DeliveryDependencies => {
    const waiting = createPostgresWaiting(pool, own(one, channel));
    const parts = { store, waiting, provider: { ...providers[channel], ...provider } };
    const fused = fuse ? { store: fusedStore(store, fuse), waiting: fusedWaiting(waiting, fuse), provider: fusedProvider(parts.provider, fuse) } : parts;
    return {
      ...fused, channel, realNow, newId: randomUUID,
      gate: createGate({ store: fused.store, channel: own(one, channel), limiter: unlimited, realNow: now, newId: randomUUID }),
      clock: { now, realMsUntil: (at) => Date.parse(at) - Date.now() }, open: async (personal) => personal, sleep: async () => undefined, note: () => undefined,
      config: { ...defaultDeliveryConfig, leaseMs: LEASE_MS, retry: { attempts: 5, delays: [0.2] }, channels: { preferred: channel } },
    };
  };
  return { EMAIL: service('EMAIL'), WHATSAPP: service('WHATSAPP') };
}

async function sent(one: Case, provider: Partial<Provider> = {}): Promise<void> {
  const { WHATSAPP } = services(one, { provider });
  const scene = createScene({ store, now });
  await scene.borrower({ borrowerId: one.borrower, phone: one.phone, email: one.email, preferences: { preferred: 'WHATSAPP' } });
  await deliver(WHATSAPP, await scene.lend(one.loan, one.borrower));
  if (provider.settle) await workOff(WHATSAPP, one);
}

async function mailed(one: Case): Promise<void> {
  const scene = createScene({ store, now });
  await scene.borrower({ borrowerId: one.borrower, email: one.email });
  await deliver(services(one).EMAIL, await scene.lend(one.loan, one.borrower));
}

async function receipt(one: Case, deps: DeliveryDependencies, delivery: 'delivered' | 'undelivered', code?: string): Promise<unknown> {
  const events = await store.readStream(notificationStream(idOf(one, 'WHATSAPP')));
  const { attemptId } = events.find(({ type }) => type === 'AttemptStarted')!.data as { attemptId: string };
  const notification = { notificationId: idOf(one, 'WHATSAPP'), attributionId: one.loan, borrowerId: one.borrower, type: 'CREATION', channel: 'WHATSAPP', dueVersion: 1, occurrence: 1 } as const;
  return takeReceipt(deps, { notification, attemptId, providerId: twilio.messages().find(({ to }) => to === one.phone)!.sid, delivery, ...(code && { code }), at: now() });
}

function bounce(one: Case, { store: own }: DeliveryDependencies): Promise<void> {
  const [timestamp, report] = [String(Date.now()), { messageId: `<${idOf(one, 'EMAIL')}@example.org>`, kind: 'hard', status: '5.1.1' } as const];
  const headers = { 'x-rappel-timestamp': timestamp, 'x-rappel-signature': signBounce(SECRET, timestamp, `${report.messageId}.hard.5.1.1`) };
  const vault = { open: async (personal: unknown) => personal } as never;
  return new BouncesController(own, vault, { now, realMsUntil: () => 0 }, { BOUNCE_WEBHOOK_SECRET: [SECRET] } as unknown as EmailConfig, registry).report(report, headers);
}

async function announced(one: Case, type: 'NotificationGivenUp') {
  const [message] = (await store.readStream(notificationStream(idOf(one, 'WHATSAPP')))).map((event) => announceNotification(event)).filter((announcement) => announcement?.subject === publicEvents[type].subject);
  return { ...message!, deliveries: 1 };
}

/** Works until nothing of the case is left to come back to; whatever waits for a moment to pass has seen it pass. */
async function workOff(deps: DeliveryDependencies, one: Case): Promise<void> {
  await until(`${one.name}: nothing waits`, async () => {
    await workOnce(deps, { claimMs: 1500 });
    await pool.query("UPDATE delivery.waiting SET not_before_real = now() WHERE channel = $1 AND not_before_real > now() AND reason NOT IN ('receipt', 'held')", [own(one, deps.channel)]);
    const { receipt: _, held: __, ...open } = await deps.waiting.counts();
    return Object.keys(open).length === 0 || undefined;
  });
}

async function play({ scenario, point }: (typeof cases)[number], n: number): Promise<Ending> {
  const one: Case = { name: `c${n}`, n, loan: `loan-${n}`, borrower: `borrower-${n}`, phone: `+336125${String(n).padStart(5, '0')}`, email: `borrower-${n}@example.org` };
  const act = await scenarios[scenario]!.prepare(one);
  const fuse = createFuse(point);
  const end = await Promise.race([fuse.blown.then(() => 'died'), asked(act(services(one, { fuse })))]);
  if (end !== 'died') throw new Error(`nothing came to the point "${point}": ${String(end)}`);
  const next = services(one, { comesLater: true });
  await asked(act(next));
  await workOff(next.WHATSAPP, one);
  await workOff(next.EMAIL, one);
  return { events: await eventsOf(one), whatsapp: twilio.messages().filter(({ to }) => to === one.phone).length, mails: (await inbox.mails({ to: one.email })).length };
}

async function eventsOf(one: Case): Promise<Events> {
  const streams = [notificationStream(idOf(one, 'WHATSAPP')), notificationStream(idOf(one, 'EMAIL')), suppressionStream(one.borrower), channelStream(own(one, 'WHATSAPP'))];
  const types = (await Promise.all(streams.map((stream) => store.readStream(stream)))).flat().map(({ type }) => type);
  return Object.fromEntries([...new Set(types)].map((type) => [type, types.filter((other) => other === type).length]));
}

describe.each(Object.keys(scenarios))('killed and told again: %s', (scenario) => {
  it.each(cases.filter((one) => one.scenario === scenario))('$point', async (one) => {
    expect(await endings.get(nameOf(one))).toEqual({ ...scenarios[scenario]!.comesTo, ...one.differs });
  });
});
