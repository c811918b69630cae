import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createDatabase } from '@rappel/local-stack';
import { createPool, type Pool } from '@rappel/postgres';
import { createAddressBook, createVault, migratePrivacy, type AddressBook } from './index.ts';

const [first, second] = ['first', 'second'].map((id) => `${id}:${randomBytes(32).toString('base64')}`);
const NUMBER = '+33612345678';
let pool: Pool;
beforeAll(async () => {
  pool = createPool(await createDatabase(process.env['TEST_POSTGRES_URL']!, `books_${randomUUID().slice(0, 8)}`));
  await migratePrivacy(pool);
});
afterAll(() => pool?.end());

const book = (name: string, masterKey = first!): AddressBook => createAddressBook({ pool, name, masterKey });
async function people(count: number): Promise<string[]> {
  const subjects = Array.from({ length: count }, () => `b-${randomUUID()}`).toSorted();
  const vault = createVault({ pool, masterKey: first! });
  await Promise.all(subjects.map((subject) => vault.seal({ state: 'open', subject, fields: { phone: NUMBER } }, 'borrower')));
  return subjects;
}

test('tells whose an address is as it was recorded last, and stores none', async () => {
  const [jean, marie] = await people(2);
  const phones = book('phones');
  expect(await phones.checkpoint()).toBe('');
  expect(await phones.record(new Map([[jean!, NUMBER], [marie!, NUMBER], ['nobody with a key', NUMBER]]), { from: '', to: '7' })).toBe(true);
  expect(await phones.whose(NUMBER)).toEqual([jean, marie]);
  expect(await phones.record(new Map([[jean!, '+33698765432'], [marie!, undefined]]), { from: '7', to: '9' })).toBe(true);
  expect([await phones.whose(NUMBER), await phones.whose('+33698765432'), await book('others').whose('+33698765432')]).toEqual([[], [jean], []]);
  expect(JSON.stringify((await pool.query('SELECT * FROM privacy.addresses')).rows)).not.toMatch(/98765432/);
});

test('goes on from one place for all who share it', async () => {
  const [jean] = await people(1);
  const [one, two] = [book('shared'), book('shared')];
  await one.checkpoint();
  const step = { from: '', to: '5' };
  expect((await Promise.all([one, two].map((each) => each.record(new Map([[jean!, NUMBER]]), step)))).toSorted()).toEqual([false, true]);
  expect(await two.checkpoint()).toBe('5');
});

test('forgets with the key', async () => {
  const [jean, marie] = await people(2);
  const phones = book('forgetful');
  await phones.checkpoint();
  await phones.record(new Map([[jean!, NUMBER], [marie!, NUMBER]]), { from: '', to: '1' });
  await createVault({ pool, masterKey: first! }).forget(jean!);
  expect(await phones.whose(NUMBER)).toEqual([marie]);
  expect((await pool.query('SELECT FROM privacy.addresses WHERE subject = $1', [jean])).rowCount).toBe(0);
  await phones.record(new Map([[jean!, NUMBER]]), { from: '1', to: '2' });
  expect(await phones.whose(NUMBER)).toEqual([marie]);
});

test('finds by an old master key while it is there, and begins again under a new one', async () => {
  const [jean] = await people(1);
  const before = book('rotated');
  await before.checkpoint();
  await before.record(new Map([[jean!, NUMBER]]), { from: '', to: '3' });
  const rotating = book('rotated', `${second},${first}`);
  expect(await rotating.whose(NUMBER)).toEqual([jean]);
  expect(await rotating.checkpoint()).toBe('');
  expect(await before.record(new Map(), { from: '3', to: '4' })).toBe(false);
  expect(await rotating.record(new Map([[jean!, NUMBER]]), { from: '', to: '3' })).toBe(true);
  expect(await book('rotated', second!).whose(NUMBER)).toEqual([jean]);
});
