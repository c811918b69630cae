import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { jetstreamManager } from '@nats-io/jetstream';
import { headers as natsHeaders } from '@nats-io/nats-core';
import { connectBus, createDeadLetters } from '@rappel/messaging';
import { createVault, sealingDeadLetters } from '@rappel/privacy';
import { rebuildLog } from '@rappel/read-model';
import { openEventStore } from '@rappel/service-kit';
import { call, until, type System } from './support/system.ts';

const person = { firstName: 'Philomène', lastName: 'Quatrevingts', email: 'philomene.quatrevingts@exemple.fr', phone: '+33698765432' };
/** As they would show anywhere: in clear, in part, or as a number without its plus. */
const traces = ['philom', 'quatrevingts', '698765432'];
const borrowerId = 'b-forget-1';
const attributionId = 'a-forget-1';

const found = (text: string): string[] => traces.filter((trace) => text.toLowerCase().includes(trace));

function cloudEvent(type: string) {
  const headers = natsHeaders();
  for (const [name, value] of Object.entries({ specversion: '1.0', id: `${type}-${randomUUID()}`, source: 'security-test', type })) headers.set(`ce-${name}`, value);
  return headers;
}

async function publish({ upstream }: System, type: string, data: object): Promise<Record<string, unknown>> {
  return (await upstream.request(`inbound.${type}`, JSON.stringify(data), { timeout: 30_000, headers: cloudEvent(type) })).json();
}

const due = () => ({ date: new Date(Date.now() + 20 * 86_400_000).toISOString().slice(0, 10), zone: 'Europe/Paris' });
const loan = (id: string) => ({ attributionId: id, borrower: { id: borrowerId, ...person, preferences: { both: true } }, item: { code: 'M1', name: 'Perceuse' }, duration: 'LONG', due: due() });

interface Logged { readonly channel: string; readonly status: string; readonly recipient: string | null }
async function logged(system: System, token: string): Promise<Logged[]> {
  const { text } = await call(`${system.urls['notification-log']}/borrowers/${borrowerId}/notifications`, 'get', { token });
  return (JSON.parse(text) as { items?: Logged[] }).items ?? [];
}

async function everyRow({ pool }: System): Promise<{ table: string; row: string }[]> {
  const { rows: tables } = await pool.query<{ name: string }>(`SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`);
  const all = await Promise.all(tables.map(async ({ name }) => (await pool.query<{ row: string }>(`SELECT t::text AS row FROM ${name} t`)).rows.map(({ row }) => ({ table: name, row }))));
  return all.flat();
}

/** `bytea` shows as hex: an address in clear would hide there. */
const readable = (row: string): string => row + [...row.matchAll(/\\\\?x([0-9a-f]{8,})/g)].map(([, hex]) => Buffer.from(hex!, 'hex').toString('latin1')).join('');

async function messagesOf(system: System, user: string, stream: string): Promise<string[]> {
  const bus = await connectBus({ servers: system.stack.nats!.url, name: 'reader', ...system.stack.natsLogin(user) });
  try {
    const jsm = await jetstreamManager(bus, { checkAPI: false });
    const { state } = await jsm.streams.info(stream);
    const sequences = Array.from({ length: state.messages === 0 ? 0 : state.last_seq - state.first_seq + 1 }, (_, index) => state.first_seq + index);
    const messages = await Promise.all(sequences.map((seq) => jsm.streams.getMessage(stream, { seq }).catch(() => null)));
    return messages.map((message) => (message ? `${message.subject} ${message.string()} ${JSON.stringify([...message.header])}` : ''));
  } finally {
    await bus.close();
  }
}

async function onTheBus(system: System): Promise<string> {
  const streams = [['loan', 'INBOUND'], ['loan', 'LOAN'], ['scheduler', 'SCHEDULER'], ['email', 'NOTIFICATION']] as const;
  return (await Promise.all(streams.map(([user, stream]) => messagesOf(system, user, stream)))).flat().join('\n');
}

const logs = ({ stack }: System): string => readdirSync(stack.logDir).filter((file) => !/^(?:postgres|nats)/.test(file)).map((file) => readFileSync(join(stack.logDir, file), 'utf8')).join('\n');

/** Erasure, end to end: what was told stays counted, who was told is gone. */
export function forget(get: () => System): void {
  describe('a borrower who is forgotten', () => {
    const vaultOf = (system: System) => createVault({ pool: system.pool, masterKey: system.stack.env['RAPPEL_MASTER_KEY']!, cacheMs: 0 });
    const lettersOf = (system: System) => createDeadLetters(system.pool, sealingDeadLetters(vaultOf(system)));
    let counts: string;

    test('is told first, on both channels, and is nowhere in clear', async () => {
      const system = get();
      expect(await publish(system, 'AttributionCreated', loan(attributionId))).toMatchObject({ id: attributionId });
      system.upstream.publish('inbound.AttributionCreated', JSON.stringify({ ...loan('a-broken'), duration: 'JAMAIS' }), { headers: cloudEvent('AttributionCreated') });
      await until('both messages', async () => (await logged(system, system.all)).filter(({ status }) => status === 'ENVOYEE').length === 2);
      expect((await system.stack.inbox!.mails()).some(({ to }) => JSON.stringify(to).includes(person.email))).toBe(true);
      expect((await logged(system, system.all)).map(({ recipient }) => recipient).sort()).toEqual([person.phone, person.email].sort());
      expect(found(JSON.stringify(await logged(system, system.tokens['log:read'])))).toEqual([]);
      await until('the dead letter', async () => (await lettersOf(system).count()).open > 0);
      expect((await everyRow(system)).filter(({ row }) => found(readable(row)).length > 0)).toEqual([]);
    });

    test('may read everything held about them, as one file', async () => {
      const system = get();
      const { status, text, headers } = await call(`${system.urls.loan}/borrowers/${borrowerId}/data`, 'get', { token: system.tokens['personal:read'] });
      expect(status).toBe(200);
      expect(headers.get('content-disposition')).toContain('attachment');
      const file = JSON.parse(text) as { streams: Record<string, unknown[]>; deadLetters: unknown[] };
      expect(Object.keys(file.streams)).toEqual(expect.arrayContaining([`attribution-${attributionId}`, `borrower-${borrowerId}`]));
      expect(Object.keys(file.streams).filter((name) => name.startsWith('notification-'))).toHaveLength(2);
      expect(file.deadLetters).toHaveLength(1);
      expect(found(text)).toEqual(traces);
    });

    test('is gone from the API, the log, the events, the dead letters, the tables, the bus and the logs', async () => {
      const system = get();
      const before = await logged(system, system.all);
      counts = (await call(`${system.urls['notification-log']}/stats/status`, 'get', { token: system.all })).text;
      const answer = await call(`${system.urls.loan}/borrowers/${borrowerId}/forget`, 'post', { token: system.tokens.admin, body: '{"why":"asked by letter"}' });
      expect(answer.status).toBe(201);
      expect((await call(`${system.urls.loan}/borrowers/${borrowerId}`, 'get', { token: system.all })).status).toBe(404);
      // Other processes may hold the key in memory for five seconds.
      await until('[REDACTED]', async () => (await logged(system, system.all)).every(({ recipient }) => recipient === '[REDACTED]'));
      expect((await logged(system, system.all)).map(({ channel, status }) => [channel, status])).toEqual(before.map(({ channel, status }) => [channel, status]));
      const store = await openEventStore(system.stack.env['EVENT_STORE_URL']!);
      try {
        const sealed = (await store.readAll({ limit: 10_000 })).filter(({ personal }) => personal?.subject === borrowerId);
        expect(sealed.length).toBeGreaterThanOrEqual(3);
        for (const { personal } of sealed) expect((await vaultOf(system).open(personal!)).state).toBe('erased');
      } finally {
        await store.close();
      }
      const { letters } = await lettersOf(system).list();
      for (const { id } of letters) expect(found(new TextDecoder().decode((await lettersOf(system).show(id))!.payload))).toEqual([]);
      expect((await everyRow(system)).filter(({ row }) => found(readable(row)).length > 0)).toEqual([]);
      expect(found(await onTheBus(system))).toEqual([]);
      expect(found(logs(system))).toEqual([]);
    });

    test('stays in the counts, and a rebuilt log is the same', async () => {
      const system = get();
      const store = await openEventStore(system.stack.env['EVENT_STORE_URL']!);
      try {
        const { equal } = await rebuildLog({ store, pool: system.pool, fresh: true });
        expect(equal).toBe(true);
      } finally {
        await store.close();
      }
      expect((await call(`${system.urls['notification-log']}/stats/status`, 'get', { token: system.all })).text).toBe(counts);
      expect((await logged(system, system.all)).map(({ recipient }) => recipient)).toEqual(['[REDACTED]', '[REDACTED]']);
    });

    test('is not told about what is still out, and comes back as somebody new', async () => {
      const system = get();
      expect(await publish(system, 'AttributionReturned', { attributionId })).toMatchObject({ id: attributionId });
      await until('the skip', async () => (await logged(system, system.all)).length > 2);
      expect((await logged(system, system.all)).filter(({ status }) => status === 'ENVOYEE')).toHaveLength(2);
      expect(await publish(system, 'BorrowerUpdated', { borrower: loan('').borrower })).toMatchObject({ id: borrowerId });
      expect(await publish(system, 'AttributionCreated', loan('a-forget-2'))).toMatchObject({ id: 'a-forget-2' });
      await until('a message', async () => (await logged(system, system.all)).some(({ recipient }) => recipient === person.email));
    }, 200_000);
  });
}
