import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createDatabase } from '@rappel/local-stack';
import { createPool } from '@rappel/postgres';
import type { Pool } from '@rappel/postgres';
import type { Personal } from '@rappel/event-store';
import fc from 'fast-check';
import { createVault, migratePrivacy, PersonalDataTampered } from './index.ts';

const key = (id: string) => `${id}:${randomBytes(32).toString('base64')}`;
const masterKey = key('first');
let pool: Pool;
let url: string;
beforeAll(async () => {
  url = await createDatabase(process.env['TEST_POSTGRES_URL']!, `privacy_${randomUUID().slice(0, 8)}`);
  pool = createPool(url);
  await Promise.all([migratePrivacy(pool), migratePrivacy(pool)]);
});
afterAll(() => pool?.end());

const person = () => `b-${randomUUID()}`;
const marie = (subject: string): Personal => ({ state: 'open', subject, fields: { firstName: 'Marie', email: 'marie@example.org' } });
const vaults = (count: number, options: { masterKey?: string; cacheMs?: number } = {}) => Array.from({ length: count }, () => createVault({ pool, masterKey, cacheMs: 0, ...options }));
type Sealed = Extract<Personal, { state: 'sealed' }>;

test('what is sealed shows nothing and opens to what it was, in another process too', async () => {
  const [one, two] = vaults(2) as [ReturnType<typeof createVault>, ReturnType<typeof createVault>];
  const subject = person();
  const sealed = await one.seal(marie(subject), 'borrower-1');
  expect(JSON.stringify(sealed)).not.toMatch(/marie/i);
  expect(await two.open(sealed)).toEqual(marie(subject));
});

test('any text round-trips, and two seals of one text differ', async () => {
  const [vault] = vaults(1, { cacheMs: 60_000 });
  const subject = person();
  const seed = Number(process.env['SEED'] ?? Date.now() % 1e9);
  console.info(`seed ${seed}`);
  await fc.assert(fc.asyncProperty(fc.dictionary(fc.string().filter((name) => name !== '__proto__'), fc.string({ unit: 'binary' })), async (fields) => {
    const open: Personal = { state: 'open', subject, fields: { ...fields } };
    const [a, b] = await Promise.all([vault!.seal(open, 's'), vault!.seal(open, 's')]) as [Sealed, Sealed];
    expect(await vault!.open(a)).toEqual(open);
    for (const name of Object.keys(fields)) expect(a.fields[name]).not.toBe(b.fields[name]);
  }), { seed, numRuns: 100 });
});

test('a seal that was altered or moved to another person, stream or field is refused', async () => {
  const [vault] = vaults(1);
  const [subject, other] = [person(), person()];
  const sealed = await vault!.seal(marie(subject), 'borrower-1') as Sealed;
  await vault!.seal(marie(other), 'borrower-2');
  const [version, id, body] = sealed.fields['email']!.split('.') as [string, string, string];
  const bytes = Buffer.from(body, 'base64url');
  bytes[20]! ^= 1;
  const wrong: Sealed[] = [
    { ...sealed, context: 'borrower-2' },
    { ...sealed, fields: { email: sealed.fields['firstName']! } },
    { ...sealed, fields: { email: `${version}.${id}.${bytes.toString('base64url')}` } },
    { ...sealed, fields: { email: 'marie@example.org' } },
    { ...sealed, fields: { email: `${version}.${id}.` } },
  ];
  for (const one of wrong) await expect(vault!.open(one)).rejects.toBeInstanceOf(PersonalDataTampered);
  // Another person's key is another key id: it reads as erased, never as their data.
  expect(await vault!.open({ ...sealed, subject: other })).toEqual({ state: 'erased', subject: other });
});

test('forgotten: nothing opens, nothing new is sealed, until the person is admitted again', async () => {
  const [one, two] = vaults(2);
  const subject = person();
  const sealed = await one!.seal(marie(subject), 'borrower-1');
  const bytes = await one!.sealBytes(Buffer.from('marie@example.org'), { subject, context: 'dead-letter' });
  await one!.forget(subject);
  await one!.forget(subject);
  const erased = { state: 'erased', subject };
  expect(await one!.open(sealed)).toEqual(erased);
  expect(await two!.open(sealed)).toEqual(erased);
  expect(await two!.seal(marie(subject), 'borrower-1')).toEqual(erased);
  expect(await two!.openBytes(bytes!)).toBeUndefined();
  expect(await two!.sealBytes(Buffer.from('x'), { subject, context: 'dead-letter' })).toBeUndefined();
  await two!.readmit(subject);
  const anew = await two!.seal(marie(subject), 'borrower-1');
  expect(await one!.open(anew)).toEqual(marie(subject));
  expect(await one!.open(sealed)).toEqual(erased);
});

test('an expired key is gone, and the person may come back', async () => {
  const [vault] = vaults(1);
  const subject = person();
  const sealed = await vault!.seal(marie(subject), 's');
  expect(await vault!.expire([subject, person()])).toBe(1);
  expect((await vault!.open(sealed)).state).toBe('erased');
  expect((await vault!.seal(marie(subject), 's')).state).toBe('sealed');
});

test('twenty processes that meet a new person at once agree on one key', async () => {
  const subject = person();
  const all = vaults(20);
  const seals = await Promise.all(all.map((vault) => vault.seal(marie(subject), 's')));
  for (const sealed of seals) expect(await all[0]!.open(sealed)).toEqual(marie(subject));
});

test('a key made at the moment of erasure does not outlive it', async () => {
  for (let round = 0; round < 30; round++) {
    const subject = person();
    const [one, two] = vaults(2);
    const [sealed] = await Promise.all([one!.seal(marie(subject), 's'), two!.forget(subject)]);
    expect((await createVault({ pool, masterKey }).open(sealed)).state).toBe('erased');
  }
});

test('five hundred people at once take few queries', async () => {
  const vault = createVault({ pool, masterKey });
  let queries = 0;
  const real = pool.query.bind(pool) as (...all: unknown[]) => unknown;
  Object.assign(pool, { query: (...all: unknown[]) => { queries += 1; return real(...all); } });
  try {
    const people = Array.from({ length: 500 }, person);
    const sealed = await Promise.all(people.map((subject) => vault.seal(marie(subject), 's')));
    await Promise.all(sealed.map((one) => vault.open(one)));
    expect(queries).toBe(1);
  } finally {
    Object.assign(pool, { query: real });
  }
});

test('a rotated master key opens all that was sealed before, and the old one can go', async () => {
  const [subject, second] = [person(), key('second')];
  const sealed = await createVault({ pool, masterKey }).seal(marie(subject), 's');
  const both = createVault({ pool, masterKey: `${second},${masterKey}` });
  expect(await both.open(sealed)).toEqual(marie(subject));
  expect(await both.rewrap()).toBeGreaterThan(0);
  expect(await both.rewrap()).toBe(0);
  expect(await createVault({ pool, masterKey: second }).open(sealed)).toEqual(marie(subject));
  await expect(createVault({ pool, masterKey }).open(sealed)).rejects.toMatchObject({ code: 'master-key-missing' });
  const impostor = `second:${randomBytes(32).toString('base64')}`;
  await expect(createVault({ pool, masterKey: impostor }).open(sealed)).rejects.toBeInstanceOf(PersonalDataTampered);
  await createVault({ pool, masterKey: `${masterKey},${second}` }).rewrap();
});

test('bytes of any kind round-trip; others are refused', async () => {
  const [vault] = vaults(1);
  const plain = randomBytes(1000);
  const sealed = await vault!.sealBytes(plain, { subject: person(), context: 'dead-letter-1' });
  expect(Buffer.from((await vault!.openBytes(sealed!))!)).toEqual(plain);
  const altered = Uint8Array.from(sealed!);
  altered[altered.length - 1]! ^= 1;
  for (const bytes of [altered, Buffer.from('plain'), Buffer.alloc(0), Buffer.from('RPL1\u0000\u0002{}')]) {
    await expect(vault!.openBytes(bytes)).rejects.toBeInstanceOf(PersonalDataTampered);
  }
});
