import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createInMemoryEventStore, type NewEvent } from '@rappel/event-store';
import { createDatabase } from '@rappel/local-stack';
import { createPool, type Pool } from '@rappel/postgres';
import { borrowersLongOver, createVault, migratePrivacy, sealing, subjectAccessFile } from './index.ts';

let pool: Pool;
beforeAll(async () => {
  pool = createPool(await createDatabase(process.env['TEST_POSTGRES_URL']!, `retention_${randomUUID().slice(0, 8)}`));
  await migratePrivacy(pool);
});
afterAll(() => pool?.end());

const event = (type: string, data: object, subject?: string): NewEvent => ({ id: randomUUID(), type, data, ...(subject && { personal: { state: 'open', subject, fields: { email: `${subject}@example.org` } } }) });
const loanOf = (borrowerId: string, attributionId: string, at: string) => ({ loan: { attributionId, borrowerId }, at });

test('who has nothing out and nothing new is long over; the others stay; the file has everything about one', async () => {
  const vault = createVault({ pool, masterKey: randomBytes(32).toString('base64'), cacheMs: 0 });
  const store = sealing(createInMemoryEventStore(), vault);
  for (const id of ['back', 'out', 'late', 'again']) await store.append(`borrower-${id}`, [event('BorrowerRegistered', { borrowerId: id, at: '2020-01-01T00:00:00.000Z' }, id)], 0);
  const lend = (borrower: string, attribution: string, at: string) => store.append(`attribution-${attribution}`, [event('AttributionCreated', loanOf(borrower, attribution, at))], 0);
  const giveBack = (borrower: string, attribution: string, at: string) => store.append(`attribution-${attribution}`, [event('AttributionReturned', loanOf(borrower, attribution, at))], 1);
  await lend('back', 'a1', '2020-02-01T00:00:00.000Z');
  await giveBack('back', 'a1', '2020-03-01T00:00:00.000Z');
  await lend('out', 'a2', '2020-02-01T00:00:00.000Z');
  await lend('late', 'a3', '2020-02-01T00:00:00.000Z');
  await giveBack('late', 'a3', '2026-03-01T00:00:00.000Z');
  await store.append('borrower-again', [event('BorrowerForgotten', { borrowerId: 'again', at: '2020-05-01T00:00:00.000Z' })], 1);
  const over = await borrowersLongOver({ store, before: '2023-01-01T00:00:00.000Z' });
  expect(over).toEqual(['back']);

  // Only the first and the fourth are about them.
  const bodies = ['{"borrower":{"id":"back"}}', '{"borrower":{"id":"backward"}}', '{"borrower":{"id":"out"},"item":{"name":"back"}}', '{"borrower":{ "id": "back", broken', '{"name": "back", broken'];
  const letters = { list: async () => ({ letters: bodies.map((_, n) => ({ id: String(n) })) }), show: async (id: string) => ({ id, subject: 's', reason: 'r', at: 't', payload: Buffer.from(bodies[Number(id)]!) }) };
  // What operators did on a day is not all about one person.
  const acted = (borrowerId: string) => event('OperatorActed', { command: 'borrower forget', borrowerId, why: 'asked', at: '2026-01-01T00:00:00.000Z' });
  await store.append('operation-2026-01-01', [acted('out'), acted('back'), acted('late')], 0);
  const file = await subjectAccessFile('back', { store, vault, deadLetters: letters, at: '2026-01-01T00:00:00.000Z' });
  expect(Object.keys(file.streams)).toEqual(['attribution-a1', 'borrower-back', 'operation-2026-01-01']);
  expect((file.streams['operation-2026-01-01'] as { data: object }[]).map(({ data }) => data)).toEqual([expect.objectContaining({ borrowerId: 'back' })]);
  expect((file.streams['attribution-a1'] as { type: string }[]).map(({ type }) => type)).toEqual(['AttributionCreated', 'AttributionReturned']);
  expect(JSON.stringify(file.streams)).toContain('back@example.org');
  expect((file.deadLetters as { id: string }[]).map(({ id }) => id)).toEqual(['0', '3']);

  expect(await vault.held([...over, 'nobody'])).toEqual(['back']);
  expect(await vault.expire(over)).toBe(1);
  expect(await vault.held(over)).toEqual([]);
  expect(JSON.stringify((await subjectAccessFile('back', { store, vault, deadLetters: letters, at: '2026-01-01T00:00:00.000Z' })).streams)).not.toContain('@');
});
