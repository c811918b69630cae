import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { AckPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { nkeys, PermissionViolationError } from '@nats-io/nats-core';
import type { NatsConnection } from '@nats-io/nats-core';
import { publicEvents, streams } from '@rappel/contracts';
import { startNats } from '@rappel/local-stack';
import type { NatsServer } from '@rappel/local-stack';
import { connectBus } from '@rappel/messaging';
import { letsPublish, reconnected } from './support/publish.ts';
import { users, variable, type User } from './support/secured.ts';

const root = join(import.meta.dirname, '../..');

const folder = mkdtempSync(join(tmpdir(), 'rappel-nats-'));
const passwords = Object.fromEntries(users.map((user) => [user, `p${randomBytes(12).toString('hex')}`])) as Record<User, string>;
let server: NatsServer;
const open = new Map<User, NatsConnection>();

const connectAs = async (user: User): Promise<NatsConnection> =>
  connectBus({ servers: server.url, name: user, user, pass: passwords[user], inboxPrefix: `_INBOX_${user}` });

beforeAll(async () => {
  const configEnv = Object.fromEntries(users.map((user) => [`${variable(user)}_PASSWORD`, passwords[user]]));
  server = await startNats({ storeDir: join(folder, 'users'), configFile: join(root, 'infra/nats/users.conf'), configEnv, durable: false });
  for (const user of users) open.set(user, await connectAs(user));
  const owners: Record<string, User> = { loan: 'loan', scheduler: 'scheduler', notification: 'email' };
  for (const [name, { owner, subjects }] of Object.entries(streams)) {
    await (await jetstreamManager(open.get(owners[owner]!)!, { checkAPI: false })).streams.add({ name, subjects: [...subjects], ...(name === 'INBOUND' && { no_ack: true }) });
  }
});
afterAll(async () => {
  await Promise.all([...open.values()].map((bus) => bus.close()));
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const mayPublish = (user: User, subject: string): Promise<boolean> => letsPublish(open.get(user)!, subject);

async function mayHear(user: User, subject: string): Promise<boolean> {
  let refused = false;
  const subscription = open.get(user)!.subscribe(subject, { callback: (error) => { refused ||= error instanceof PermissionViolationError; } });
  await open.get(user)!.flush();
  subscription.unsubscribe();
  return !refused;
}

const publishers: Record<string, readonly User[]> = {
  loan: ['loan', 'operator'],
  scheduler: ['scheduler', 'operator'],
  notification: ['email', 'whatsapp', 'operator'],
  inbound: ['upstream', 'operator'],
};
const subjects = [...Object.values(publicEvents).map(({ subject }) => subject), 'inbound.AttributionCreated'];

test.each(users)('%s publishes its own subjects and no other', async (user) => {
  for (const subject of subjects) {
    expect([subject, await mayPublish(user, subject)]).toEqual([subject, publishers[subject.split('.')[0]!]!.includes(user)]);
  }
});

test.each(users)('%s listens to no event behind the back of its consumer, and to nobody else’s answers', async (user) => {
  for (const subject of ['>', 'loan.>', 'scheduler.>', '$JS.API.>', '_INBOX_other.x']) expect([subject, await mayHear(user, subject)]).toEqual([subject, false]);
  for (const other of users.filter((one) => one !== user)) expect(await mayHear(user, `_INBOX_${other}.x`)).toBe(false);
  expect(await mayHear(user, `_INBOX_${user}.x`)).toBe(true);
  expect(await mayHear(user, 'inbound.*')).toBe(user === 'loan');
  expect(await mayHear(user, 'notification.>')).toBe(user === 'upstream');
});

const consumed = Object.entries(streams).map(([stream, { consumers, ...more }]) => [stream, [...consumers, ...('neighbours' in more ? more.neighbours : [])]] as const);
const owned: Record<string, readonly User[]> = { INBOUND: ['loan'], LOAN: ['loan'], SCHEDULER: ['scheduler'], NOTIFICATION: ['email', 'whatsapp'] };
const consumersOf = (user: User): string[] => ({ loan: ['loan-inbound', 'loan'], scheduler: ['scheduler'], email: ['email', 'email-reminders', 'email-fallback', 'email-undelivered'], whatsapp: ['whatsapp', 'whatsapp-reminders'], upstream: ['upstream'] } as Record<string, string[]>)[user] ?? [];

test.each(users)('%s changes and purges its own streams, and acknowledges for its own consumers', async (user) => {
  for (const stream of Object.keys(streams)) {
    const own = owned[stream]!.includes(user);
    for (const verb of ['CREATE', 'UPDATE']) expect([verb, stream, await mayPublish(user, `$JS.API.STREAM.${verb}.${stream}`)]).toEqual([verb, stream, own]);
    expect([stream, await mayPublish(user, `$JS.API.STREAM.PURGE.${stream}`)]).toEqual([stream, own && stream !== 'INBOUND']);
    expect(await mayPublish(user, `$JS.API.STREAM.DELETE.${stream}`)).toBe(false);
    expect(await mayPublish(user, `$JS.API.STREAM.RESTORE.${stream}`)).toBe(false);
  }
  for (const [stream, consumers] of consumed) {
    for (const consumer of consumers) {
      const own = consumersOf(user).includes(consumer) && !(consumer === 'loan' && stream !== 'SCHEDULER');
      for (const subject of [`$JS.API.CONSUMER.CREATE.${stream}.${consumer}`, `$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`, `$JS.ACK.${stream}.${consumer}.1.1.1.1.1`]) {
        expect([subject, await mayPublish(user, subject)]).toEqual([subject, own]);
      }
    }
    expect(await mayPublish(user, `$JS.API.CONSUMER.CREATE.${stream}.intruder`)).toBe(false);
  }
});

test.each(users)('%s takes no message out of a stream that it does not read, copies, moves and deletes none, and sees nothing of the server', async (user) => {
  const readers: Record<string, readonly User[]> = { INBOUND: ['loan'], LOAN: ['loan', 'scheduler', 'email', 'whatsapp', 'operator'], SCHEDULER: ['loan', 'scheduler', 'email', 'whatsapp', 'operator'], NOTIFICATION: ['email', 'whatsapp', 'operator'] };
  for (const stream of Object.keys(streams)) {
    expect([stream, await mayPublish(user, `$JS.API.STREAM.MSG.GET.${stream}`)]).toEqual([stream, readers[stream]!.includes(user)]);
    for (const verb of ['DIRECT.GET', 'STREAM.MSG.DELETE', 'STREAM.SNAPSHOT', 'STREAM.LEADER.STEPDOWN', 'STREAM.PEER.REMOVE', 'CONSUMER.CREATE']) expect([verb, stream, await mayPublish(user, `$JS.API.${verb}.${stream}`)]).toEqual([verb, stream, false]);
  }
  for (const subject of ['$JS.API.STREAM.CREATE.OTHER', '$JS.API.META.LEADER.STEPDOWN', '$JS.API.ACCOUNT.PURGE.$G', '$SYS.REQ.SERVER.PING', '$SYS.REQ.USER.INFO', '$KV.x.y', '_INBOX.x', 'anything']) expect([subject, await mayPublish(user, subject)]).toEqual([subject, false]);
  for (const other of users) expect([other, await mayPublish(user, `_INBOX_${other}.x`)]).toEqual([other, false]);
  for (const subject of ['$JS.>', '$JS.EVENT.ADVISORY.>', '$JS.EVENT.METRIC.>', '$JS.ACK.>', '$SYS.>', '$SRV.>', 'republish.>', '*.*.*']) expect([subject, await mayHear(user, subject)]).toEqual([subject, false]);
});

describe('what each does every day works', () => {
  test.each(consumed.flatMap(([stream, consumers]) => consumers.map((consumer) => [stream, consumer] as const)))('%s is consumed by %s', async (stream, consumer) => {
    const user = users.find((one) => consumersOf(one).includes(consumer))!;
    const bus = open.get(user)!;
    const jsm = await jetstreamManager(bus, { checkAPI: false });
    const mine = Object.values(publicEvents).map(({ subject }) => subject).filter((subject) => subject.startsWith(`${stream.toLowerCase()}.`));
    await jsm.consumers.add(stream, { durable_name: consumer, ack_policy: AckPolicy.Explicit, filter_subjects: mine.length > 0 ? mine : ['inbound.*'] });
    const sender = open.get(stream === 'INBOUND' ? 'upstream' : owned[stream]![0]!)!;
    if (stream === 'INBOUND') sender.publish('inbound.AttributionCreated', '{}');
    else await jetstream(sender, { checkAPI: false }).publish(mine[0]!, '{}');
    await sender.flush();
    const message = await (await jetstream(bus, { checkAPI: false }).consumers.get(stream, consumer)).next({ expires: 5000 });
    expect(await message!.ackAck()).toBe(true);
  });

  test('upstream asks and loan answers', async () => {
    const asked = open.get('loan')!.subscribe('inbound.*', { callback: (_, message) => { message.respond('taken'); } });
    await open.get('loan')!.flush();
    expect((await open.get('upstream')!.request('inbound.AttributionCreated', '{}', { timeout: 5000 })).string()).toBe('taken');
    asked.unsubscribe();
  });

  test('a stream is purged by its owner', async () => {
    const jsm = await jetstreamManager(open.get('loan')!, { checkAPI: false });
    expect((await jsm.streams.purge('LOAN')).success).toBe(true);
  });
});

test('nobody comes in without a password, or with another’s', async () => {
  const { connect } = await import('@nats-io/transport-node');
  await expect(connect({ servers: server.url, reconnect: false })).rejects.toThrow(/authorization/i);
  await expect(connect({ servers: server.url, user: 'email', pass: passwords.loan, reconnect: false })).rejects.toThrow(/authorization/i);
});

test('a password is rotated by restarting the server with the new one; who has it comes back by itself', async () => {
  const configEnv = Object.fromEntries(users.map((user) => [`${variable(user)}_PASSWORD`, passwords[user]]));
  const other = await startNats({ storeDir: join(folder, 'rotation'), configFile: join(root, 'infra/nats/users.conf'), configEnv, durable: false });
  const { connect } = await import('@nats-io/transport-node');
  const attempt = async (pass: string) => (await connect({ servers: other.url, user: 'email', pass, reconnect: false })).close();
  // Given the new password before the server knows it: refused, and tries again.
  const early = connectBus({ servers: other.url, name: 'email', user: 'email', pass: 'p-new' });
  const stays = await connectBus({ servers: other.url, name: 'loan', user: 'loan', pass: passwords.loan });
  try {
    configEnv['NATS_EMAIL_PASSWORD'] = 'p-new';
    const back = reconnected(stays);
    await other.restart();
    await back;
    expect((await early).isClosed()).toBe(false);
    await attempt('p-new');
    await expect(attempt(passwords.email)).rejects.toThrow(/authorization/i);
  } finally {
    await Promise.all([stays.close(), early.then((bus) => bus.close())]);
    await other.stop();
  }
});

test('the same permissions by nkey', async () => {
  const seeds = Object.fromEntries(users.map((user) => [user, nkeys.createUser()]));
  const configEnv = Object.fromEntries(users.map((user) => [`${variable(user)}_NKEY`, seeds[user]!.getPublicKey()]));
  const other = await startNats({ storeDir: join(folder, 'nkeys'), configFile: join(root, 'infra/nats/nkeys.conf'), configEnv, durable: false });
  const bus = await connectBus({ servers: other.url, name: 'loan', nkeySeed: new TextDecoder().decode(seeds['loan']!.getSeed()), inboxPrefix: '_INBOX_loan' });
  try {
    await (await jetstreamManager(bus, { checkAPI: false })).streams.add({ name: 'LOAN', subjects: ['loan.*.*'] });
    const { connect } = await import('@nats-io/transport-node');
    await expect(connect({ servers: other.url, reconnect: false })).rejects.toThrow(/authorization/i);
  } finally {
    await bus.close();
    await other.stop();
  }
});
