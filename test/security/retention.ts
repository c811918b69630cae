import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { EventStore } from '@rappel/event-store';
import { createVault } from '@rappel/privacy';
import { rebuildLog, verifyLog } from '@rappel/read-model';
import { openEventStore } from '@rappel/service-kit';
import { say } from './support/say.ts';
import { call, until, type ServiceName, type System } from './support/system.ts';
import { everyEvent } from './support/traces.ts';

const borrowerId = 'b-retained-1';
const attributionId = 'a-retained-1';
const loan = {
  attributionId, borrower: { id: borrowerId, firstName: 'Zénobie', email: 'zenobie@exemple.fr', phone: '+33645454545', preferences: { both: true } },
  item: { code: 'M2', name: 'Scie' }, duration: 'LONG', due: { date: new Date(Date.now() + 20 * 86_400_000).toISOString().slice(0, 10), zone: 'Europe/Paris' },
};

/** What the daily jobs do once time has passed, on one event store: services of a later day run beside those of today and are told to begin. */
export function retention(storeName: string, get: () => System): void {
  describe(`forget by retention on ${storeName}`, () => {
    let store: EventStore;
    beforeAll(async () => { store = await openEventStore(get().stack.env['EVENT_STORE_URL']!); });
    afterAll(async () => { await store?.close(); });

    const send = (path: string, body: object) => call(`${get().urls.loan}${path}`, 'post', { token: get().all, body: JSON.stringify(body) });
    const read = async (service: ServiceName, path: string) => (await call(`${get().urls[service]}${path}`, 'get', { token: get().all })).text;
    const logged = async (): Promise<{ phase: string; recipient: string | null }[]> =>
      (JSON.parse(await read('notification-log', `/borrowers/${borrowerId}/notifications`)) as { items: { phase: string; recipient: string | null }[] }).items;
    /** Notifications whose row still holds somebody, in clear or sealed. */
    const held = async () => Number((await get().pool.query<{ n: string }>(`SELECT count(*) AS n FROM log.notification WHERE recipient IS NOT NULL AND recipient->>'state' <> 'erased'`)).rows[0]!.n);
    const keys = async () => (await get().pool.query<{ subject: string }>('SELECT subject FROM privacy.data_keys')).rows.map(({ subject }) => subject);

    async function run(env: Record<string, string>, ...args: string[]): Promise<{ borrowers: number; recipients: number; dryRun: boolean }> {
      const system = get();
      const { stdout } = await promisify(execFile)(process.execPath, [join(import.meta.dirname, '../../dist/cli.mjs'), '--json', '--yes', '--as', 'night-shift', '--why', 'retention', 'retention', 'run', ...args], {
        env: { PATH: process.env['PATH'], ...system.stack.env, RAPPEL_RUNNING: '/nowhere', RAPPEL_API_KEY: system.all, ...env },
      });
      return JSON.parse(stdout) as { borrowers: number; recipients: number; dryRun: boolean };
    }

    test('recipients leave the log after 90 days, keys once all is long over; counts stay, and a rebuilt log is the same', async () => {
      const system = get();
      expect((await send('/attributions', loan)).status).toBe(201);
      expect((await send('/attributions', { ...loan, attributionId: 'a-retained-2', borrower: { ...loan.borrower, id: 'b-retained-2' } })).status).toBe(201);
      await until('both messages', async () => (await logged()).filter(({ phase }) => phase === 'accepted').length === 2);
      expect((await send(`/attributions/${attributionId}/return`, {})).status).toBeLessThan(300);
      await until('what is said of the return', async () => (await logged()).length === 4 && (await logged()).every(({ phase }) => phase === 'accepted'));
      await until('nothing under way', async () => (await read('notification-log', '/waiting')).includes('"items":[]'));
      expect((await logged()).map(({ recipient }) => recipient).sort()).toEqual(['+33645454545', '+33645454545', 'zenobie@exemple.fr', 'zenobie@exemple.fr']);
      const counts = await read('notification-log', '/stats/status');
      const before = { held: await held(), keys: await keys() };
      expect(before.keys).toEqual(expect.arrayContaining([borrowerId, 'b-retained-2']));

      // A log of a day 91 days on, a loan service four years on.
      const [log, loans] = [await system.later('notification-log', 91), await system.later('loan', 4 * 365)];
      try {
        const then = { RAPPEL_LOG_URL: log.url, RAPPEL_LOAN_URL: loans.url };
        const counted = await run(then, '--dry-run');
        expect(counted).toMatchObject({ recipients: before.held, dryRun: true });
        expect(counted.borrowers).toBeGreaterThan(0);
        expect([await held(), await keys()]).toEqual([before.held, before.keys]);
        expect(await run(then)).toMatchObject({ recipients: before.held, borrowers: counted.borrowers });
        await until('the log to follow', async () => await held() === 0);
        expect(await run(then)).toMatchObject({ recipients: 0, borrowers: 0 });
      } finally {
        await Promise.all([log.stop(), loans.stop()]);
      }

      expect((await logged()).map(({ recipient }) => recipient)).toEqual(Array.from({ length: 4 }, () => '[REDACTED]'));
      expect(await read('notification-log', '/notifications.csv')).not.toContain('zenobie@');
      expect((await keys()).filter((subject) => subject === borrowerId)).toEqual([]);
      // Who has something out keeps their key.
      expect(await keys()).toContain('b-retained-2');
      // Another process may hold a key in memory for five seconds.
      await until('[REDACTED]', async () => (JSON.parse(await read('loan', `/borrowers/${borrowerId}`)) as { firstName: string }).firstName === '[REDACTED]');
      const vault = createVault({ pool: system.pool, masterKey: system.masterKey, cacheMs: 0 });
      const sealed = (await everyEvent(store)).filter(({ personal }) => personal?.subject === borrowerId);
      expect(sealed.length).toBeGreaterThanOrEqual(3);
      for (const { personal } of sealed) expect((await vault.open(personal!)).state).toBe('erased');

      expect(await read('notification-log', '/stats/status')).toBe(counts);
      expect(await verifyLog({ store, pool: system.pool })).toMatchObject({ equal: true });
      const rebuilt = await rebuildLog({ store, pool: system.pool, fresh: true });
      expect([rebuilt.equal, await held()]).toEqual([true, 0]);
      expect(await read('notification-log', '/stats/status')).toBe(counts);
      say(`forget: retention on ${storeName}: ${before.held} recipients left the log, ${before.keys.length - (await keys()).length} keys destroyed; log rebuilt from ${rebuilt.events} events, same checksum`);
    }, 200_000);
  });
}
