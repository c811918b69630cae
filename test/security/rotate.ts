import { execFile } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { headers as natsHeaders } from '@nats-io/nats-core';
import type { EventStore } from '@rappel/event-store';
import { createPool } from '@rappel/postgres';
import { openEventStore } from '@rappel/service-kit';
import { call, until, type System } from './support/system.ts';
import { everyEvent, found } from './support/traces.ts';

/** The operators' tool on this system. */
async function tool({ stack, all, urls }: System, args: readonly string[], env: Record<string, string> = {}): Promise<unknown> {
  const { stdout } = await promisify(execFile)(process.execPath, [join(import.meta.dirname, '../../dist/cli.mjs'), '--json', '--yes', '--as', 'night-shift', '--why', 'rotation', ...args], {
    env: { PATH: process.env['PATH'], ...stack.env, RAPPEL_RUNNING: '/nowhere', RAPPEL_API_KEY: all, RAPPEL_LOAN_URL: urls.loan, ...env },
  });
  return JSON.parse(stdout);
}

interface Lent { readonly email: string; readonly phone: string }

/** Loans one after the other, each asked for until it is answered, as upstream does; `stop` resolves to those that were taken. */
function lending({ upstream }: System): { stop(): Promise<Lent[]> } {
  const lent: Lent[] = [];
  const ending = new AbortController();
  const lend = async (n: number): Promise<void> => {
    const one = { email: `rotation-${n}@exemple.fr`, phone: `+3367${String(n).padStart(7, '0')}` };
    const headers = natsHeaders();
    for (const [name, value] of Object.entries({ specversion: '1.0', id: randomUUID(), source: 'security-test', type: 'AttributionCreated' })) headers.set(`ce-${name}`, value);
    const due = { date: new Date(Date.now() + 20 * 86_400_000).toISOString().slice(0, 10), zone: 'Europe/Paris' };
    const loan = { attributionId: `a-rotation-${n}`, borrower: { id: `b-rotation-${n}`, firstName: 'Odile', ...one, preferences: { both: true } }, item: { code: 'M3', name: 'Échelle' }, duration: 'LONG', due };
    await until(`an answer about loan ${n}`, () => upstream.request('inbound.AttributionCreated', JSON.stringify(loan), { timeout: 2000, headers }).then((answer) => answer.json<{ id?: string }>().id, () => undefined));
    lent.push(one);
  };
  const all = (async () => { for (let n = 1; !ending.signal.aborted; n++) await lend(n); })();
  return { stop: async () => { ending.abort(); await all; return lent; } };
}

/** The steps of SECURITY.md, on a system that holds the personal data of `borrowerId`. */
export function rotate(get: () => System, borrowerId: string): void {
  describe('secrets are rotated', () => {
    let store: EventStore;
    beforeAll(async () => { store = await openEventStore(get().stack.env['EVENT_STORE_URL']!); });
    afterAll(async () => { await store?.close(); });

    test('the master key: both on all services, rewrap, the new one alone; no event is written anew, and all can be read', async () => {
      const system = get();
      const { services, env } = system.stack;
      const [old, fresh] = [`old:${env['RAPPEL_MASTER_KEY']}`, `new:${randomBytes(32).toString('base64')}`];
      const known = async () => (await call(`${system.urls.loan}/borrowers/${borrowerId}`, 'get', { token: system.all })).text;
      const told = async () => (await call(`${system.urls['notification-log']}/borrowers/${borrowerId}/notifications`, 'get', { token: system.all })).text;
      const [before, was, said] = [await everyEvent(store), await known(), await told()];
      expect(found(was)).not.toEqual([]);
      // The key that was used until now had no name; it may get one.
      const both = `${fresh},${old}`;
      await Promise.all(services.map((service) => service.restart({ RAPPEL_MASTER_KEY: both })));
      expect(await tool(system, ['key', 'rewrap'], { RAPPEL_MASTER_KEY: both })).toEqual({ rewrapped: expect.any(Number) });
      await Promise.all(services.map((service) => service.restart({ RAPPEL_MASTER_KEY: fresh })));
      system.masterKey = fresh;
      expect([await known(), await told()]).toEqual([was, said]);
      const after = await everyEvent(store);
      expect(after.slice(0, before.length)).toEqual(before);
      expect(after.slice(before.length).map(({ type }) => type)).toEqual(['OperatorActed']);
      await expect(tool(system, ['key', 'rewrap'], { RAPPEL_MASTER_KEY: old })).rejects.toThrow(/master key/);
    }, 200_000);

    test('the database password, an nkey, the key of NATS’ files and the mail password while loans come in: every loan is told, and once', async () => {
      const system = get();
      const { stack, nats } = system;
      const service = (name: string) => stack.services.find((one) => one.name === name)!;
      const traffic = lending(system);

      const [old, url] = [stack.env['DATABASE_URL']!, new URL(stack.env['DATABASE_URL']!)];
      url.password = randomBytes(16).toString('hex');
      await system.pool.query(`ALTER ROLE ${url.username} PASSWORD '${url.password}'`);
      const late = createPool(old);
      await expect(late.query('SELECT 1')).rejects.toThrow(/password/);
      await late.end();
      const env = { RAPPEL_MASTER_KEY: system.masterKey, DATABASE_URL: url.href, SMTP_USER: 'rappel', SMTP_PASSWORD: 'old-password', CHANNEL_PROBE_MS: '500' };
      for (const one of stack.services) await one.restart(env);
      // What else of the test asks the database.
      Object.assign(stack.env, { DATABASE_URL: url.href });
      Object.assign((system.pool as unknown as { options: object }).options, { connectionString: url.href });

      nats!.rotate('email');
      await stack.nats!.restart();
      await service('email').restart({ ...env, ...nats!.environment('email') });
      await stack.nats!.restart({ wipe: true, storeKey: randomBytes(32).toString('base64') });

      stack.inbox!.configure({ refuseLogins: true });
      await until('the pause', async () => (await call(`${system.urls.email}/channel`, 'get', { token: system.all })).text.includes('"kind":"paused"'));
      stack.inbox!.configure({ refuseLogins: false });
      await service('email').restart({ ...env, ...nats!.environment('email'), SMTP_PASSWORD: 'new-password' });

      const lent = await traffic.stop();
      expect(lent.length).toBeGreaterThan(10);
      const mails = async () => (await stack.inbox!.mails()).map(({ to }) => JSON.stringify(to)).flatMap((to) => /rotation-\d+@exemple\.fr/.exec(to)?.[0] ?? []).sort();
      const messages = () => stack.twilio!.messages().map(({ to }) => to).filter((to) => to.startsWith('+3367')).sort();
      await until('every loan to be told on both channels', async () => (await mails()).length >= lent.length && messages().length >= lent.length);
      expect(await mails()).toEqual(lent.map(({ email }) => email).sort());
      expect(messages()).toEqual(lent.map(({ phone }) => phone).sort());
    }, 300_000);

    test('an API key: a new one is made, shown once, and the old one revoked; services notice within seconds', async () => {
      const system = get();
      const status = async (token: string) => (await call(`${system.urls.loan}/metrics`, 'get', { token })).status;
      const [first, second] = [await tool(system, ['key', 'create', 'desk', '--scopes', 'ops']), await tool(system, ['key', 'create', 'desk', '--scopes', 'ops'])] as { id: string; token: string }[];
      expect([await status(first!.token), await status(second!.token)]).toEqual([200, 200]);
      await tool(system, ['key', 'revoke', first!.id]);
      await until('the revocation', async () => await status(first!.token) === 401, 10_000);
      expect(await status(second!.token)).toBe(200);
      const list = JSON.stringify(await tool(system, ['key', 'list']));
      for (const { token } of [first!, second!]) expect(list).not.toContain(token.slice(-43));
    });
  });
}
