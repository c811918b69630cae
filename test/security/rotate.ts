import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { EventStore } from '@rappel/event-store';
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
