import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { headers as natsHeaders } from '@nats-io/nats-core';
import type { EventStore } from '@rappel/event-store';
import { createDeadLetters } from '@rappel/messaging';
import { createVault, sealingDeadLetters } from '@rappel/privacy';
import { rebuildLog } from '@rappel/read-model';
import { openEventStore } from '@rappel/service-kit';
import { say } from './support/say.ts';
import { call, until, type System } from './support/system.ts';
import { everyEvent, everyRow, figures, files, found, logLines, onTheBus, person, traces } from './support/traces.ts';

const borrowerId = 'b-forget-1';
const attributionId = 'a-forget-1';
const REASON = 'asked by letter';

function cloudEvent(type: string) {
  const headers = natsHeaders();
  // An upstream that names its events after people.
  for (const [name, value] of Object.entries({ specversion: '1.0', id: `${type}-${person.email}-${randomUUID()}`, source: 'security-test', type })) headers.set(`ce-${name}`, value);
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

const exported = async ({ urls }: System, token: string): Promise<string> =>
  (await Promise.all(['csv', 'ndjson'].map(async (ending) => (await call(`${urls['notification-log']}/notifications.${ending}`, 'get', { token })).text))).join('\n');

/** The first events of the live feed since the beginning. */
async function fed({ urls }: System, token: string): Promise<string> {
  const ending = new AbortController();
  const answer = await fetch(`${urls['notification-log']}/feed?borrowerId=${borrowerId}&after=`, { headers: { authorization: `Bearer ${token}` }, signal: ending.signal });
  let text = '';
  try {
    for await (const chunk of answer.body!.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      if (text.includes('NotificationAccepted') || text.includes('"status":"ENVOYEE"')) return text;
    }
    return text;
  } finally {
    ending.abort();
  }
}

async function overNats(system: System): Promise<string> {
  const bus = await system.connect('operator');
  try {
    return (await bus.request('log.query.notifications', JSON.stringify({ borrowerId }), { timeout: 10_000 })).string();
  } finally {
    await bus.close();
  }
}

/** As an operator does it: `rappel borrower forget`, with a key for the scope `admin` alone. */
async function forgetByTool(system: System): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [join(import.meta.dirname, '../../dist/cli.mjs'), 'borrower', 'forget', borrowerId, '--yes', '--as', 'night-shift', '--why', REASON], {
    env: { PATH: process.env['PATH'], ...system.stack.env, RAPPEL_RUNNING: '/nowhere', RAPPEL_API_KEY: system.tokens.admin, RAPPEL_LOAN_URL: system.urls.loan },
  });
  return stdout.trim();
}

/** Erasure, end to end on one event store: what was told stays counted, who was told is gone. */
export function forget(storeName: string, get: () => System): void {
  describe(`forget on ${storeName}`, () => {
    const vaultOf = (system: System) => createVault({ pool: system.pool, masterKey: system.stack.env['RAPPEL_MASTER_KEY']!, cacheMs: 0 });
    const lettersOf = (system: System) => createDeadLetters(system.pool, sealingDeadLetters(vaultOf(system)));
    let store: EventStore;
    let counts: string;
    const looked: string[] = [];
    beforeAll(async () => { store = await openEventStore(get().stack.env['EVENT_STORE_URL']!); });
    afterAll(async () => { await store?.close(); });

    /** Every place with a trace of the person; the places that were looked at go into the line that is printed. */
    async function whereFound(system: System): Promise<string[]> {
      const places: Record<string, string[]> = {
        events: (await everyEvent(store)).map((event) => JSON.stringify(event)),
        rows: (await everyRow(system)).map(({ table, row }) => `${table}: ${row}`),
        messages: await onTheBus(system),
        files: files(system),
        'log lines': logLines(system),
        'pages of figures': await figures(system),
      };
      looked.splice(0, looked.length, ...Object.entries(places).map(([place, texts]) => `${texts.length} ${place}`));
      for (const [place, texts] of Object.entries(places)) expect([place, texts.length > 0]).toEqual([place, true]);
      return Object.entries(places).flatMap(([place, texts]) => texts.filter((text) => found(text).length > 0).map((text) => `${place}: ${text.slice(0, 300)}`));
    }

    test('is told first, on both channels, and is nowhere in clear', async () => {
      const system = get();
      expect(await publish(system, 'AttributionCreated', loan(attributionId))).toMatchObject({ id: attributionId });
      system.upstream.publish('inbound.AttributionCreated', JSON.stringify({ ...loan('a-broken'), duration: 'JAMAIS' }), { headers: cloudEvent('AttributionCreated') });
      await until('both messages', async () => (await logged(system, system.all)).filter(({ status }) => status === 'ENVOYEE').length === 2);
      expect((await system.stack.inbox!.mails()).some(({ to }) => JSON.stringify(to).includes(person.email))).toBe(true);
      expect((await logged(system, system.all)).map(({ recipient }) => recipient).sort()).toEqual([person.phone, person.email].sort());
      await until('the dead letter', async () => (await lettersOf(system).count()).open > 0);
      expect(await whereFound(system)).toEqual([]);
    });

    test('shows masked without personal:read: in answers, exports, the live feed and over NATS', async () => {
      const system = get();
      const masked = system.tokens['log:read'];
      const answers = [JSON.stringify(await logged(system, masked)), await exported(system, masked), await fed(system, masked), await overNats(system), (await call(`${system.urls.loan}/borrowers/${borrowerId}`, 'get', { token: masked })).text];
      for (const answer of answers) expect([answer.length > 100, found(answer)]).toEqual([true, []]);
      const open = [JSON.stringify(await logged(system, system.all)), await exported(system, system.all), await fed(system, system.all)];
      for (const answer of open) expect(found(answer)).toEqual(expect.arrayContaining(['philom', '698765432']));
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

    test('is gone from the API, the log, the events, the dead letters, the tables, the bus, the logs and the figures', async () => {
      const system = get();
      const before = await logged(system, system.all);
      counts = (await call(`${system.urls['notification-log']}/stats/status`, 'get', { token: system.all })).text;
      expect(await forgetByTool(system)).toBe('forgotten');
      expect((await call(`${system.urls.loan}/borrowers/${borrowerId}`, 'get', { token: system.all })).status).toBe(404);
      // Other processes may hold the key in memory for five seconds.
      await until('[REDACTED]', async () => (await logged(system, system.all)).every(({ recipient }) => recipient === '[REDACTED]'));
      expect((await logged(system, system.all)).map(({ channel, status }) => [channel, status])).toEqual(before.map(({ channel, status }) => [channel, status]));
      const events = await everyEvent(store);
      const sealed = events.filter(({ personal }) => personal?.subject === borrowerId);
      expect(sealed.length).toBeGreaterThanOrEqual(3);
      for (const { personal } of sealed) expect((await vaultOf(system).open(personal!)).state).toBe('erased');
      const { letters } = await lettersOf(system).list();
      for (const { id } of letters) expect(found(new TextDecoder().decode((await lettersOf(system).show(id))!.payload))).toEqual([]);
      const about = await call(`${system.urls.loan}/borrowers/${borrowerId}/data`, 'get', { token: system.tokens['personal:read'] });
      expect([about.status, found(about.text)]).toEqual([200, []]);
      expect(found(await exported(system, system.all))).toEqual([]);
      expect(await whereFound(system)).toEqual([]);
      looked.unshift(`${sealed.length} sealed events erased`);
    });

    test('stays in the counts, and a rebuilt log is the same', async () => {
      const system = get();
      const { equal, events, after } = await rebuildLog({ store, pool: system.pool, fresh: true });
      expect(equal).toBe(true);
      expect((await call(`${system.urls['notification-log']}/stats/status`, 'get', { token: system.all })).text).toBe(counts);
      expect((await logged(system, system.all)).map(({ recipient }) => recipient)).toEqual(['[REDACTED]', '[REDACTED]']);
      say(`forget: ${storeName}: ${looked.join(', ')}; no trace; log rebuilt from ${events} events, same checksum ${after.digest.slice(0, 12)}`);
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
