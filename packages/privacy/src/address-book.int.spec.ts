import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createDatabase } from '@rappel/local-stack';
import { createPool, type Pool } from '@rappel/postgres';
import { createAddressBook, createVault, migratePrivacy, type AddressBook } from './index.ts';

const [first, second] = ['first', 'second'].map((id) => `${id}:${randomBytes(32).toString('base64')}`);
const NUMBER = '+33612345678';
let url: string;
let pool: Pool;
beforeAll(async () => {
  url = await createDatabase(process.env['TEST_POSTGRES_URL']!, `books_${randomUUID().slice(0, 8)}`);
  pool = createPool(url);
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

test('reads the keys and addresses that a page is about, not all there are, though no statistics tell how many those are', async () => {
  const alone = createPool(url, { max: 1 });
  try {
    await alone.query("INSERT INTO privacy.data_keys (subject, key_id, wrapped, master_key_id) SELECT 'p-' || n, n::text, '', 'm' FROM generate_series(1, 8000) n");
    const large = createAddressBook({ pool: alone, name: 'large', masterKey: first! });
    const page = (from: number): Map<string, string> => new Map(Array.from({ length: 1000 }, (_, i) => [`p-${from + i}`, `+336${from + i}`]));
    await large.checkpoint();
    for (let n = 0; n < 7; n++) await large.record(page(n * 1000 + 1), { from: n === 0 ? '' : String(n), to: String(n + 1) });
    const rowsRead = async (): Promise<number> => {
      await alone.query('SELECT pg_stat_force_next_flush()');
      const { rows } = await alone.query<{ n: number }>("SELECT sum(seq_tup_read + idx_tup_fetch)::int AS n FROM pg_stat_user_tables WHERE schemaname = 'privacy'");
      return rows[0]!.n;
    };
    const before = await rowsRead();
    await large.record(new Map([...page(7001)].slice(0, 500)), { from: '7', to: '8' });
    const afterPage = await rowsRead();
    const subjects = Array.from({ length: 100 }, (_, i) => `new-${i}`);
    await alone.query('SELECT FROM privacy.take_keys($1, $1, $2, $3)', [subjects, subjects.map(() => Buffer.of(1)), 'm']);
    expect([afterPage - before < 2000, await rowsRead() - afterPage < 1000]).toEqual([true, true]);
    expect(await large.whose('+3367499')).toEqual(['p-7499']);
  } finally {
    await alone.end();
  }
});
