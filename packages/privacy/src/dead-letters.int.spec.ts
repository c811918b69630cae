import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createDatabase } from '@rappel/local-stack';
import { createPool } from '@rappel/postgres';
import type { Pool } from '@rappel/postgres';
import { createVault, migratePrivacy, sealingDeadLetters } from './index.ts';

let pool: Pool;
beforeAll(async () => {
  pool = createPool(await createDatabase(process.env['TEST_POSTGRES_URL']!, `letters_${randomUUID().slice(0, 8)}`));
  await migratePrivacy(pool);
});
afterAll(() => pool?.end());

test('a dead letter is erased with the borrower it is about, in whatever shape it came, and the rest with its day', async () => {
  const vault = createVault({ pool, masterKey: randomBytes(32).toString('base64'), cacheMs: 0 });
  const { seal, open } = sealingDeadLetters(vault, () => '2026-01-02');
  const bytes = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
  const borrower = { id: 'b-1', email: 'marie@example.org' };
  const about = [{ borrower }, { specversion: '1.0', data: { borrower } }, { loan: { borrowerId: 'b-1' } }, { borrowerId: 'b-1' }].map(bytes);
  const nobody = ['not JSON marie@example.org', 'null', '[]', { borrower: 'b-1' }, { borrower: { id: 7 } }].map(bytes);
  const sealed = await Promise.all([...about, ...nobody].map(seal));
  for (const [index, one] of sealed.entries()) {
    expect(Buffer.from(one).toString('latin1')).not.toContain('marie');
    expect(Buffer.from(await open(one))).toEqual([...about, ...nobody][index]);
  }
  const erased = Buffer.from('{"erased":"true"}');
  await vault.forget('b-1');
  for (const [index, one] of sealed.entries()) expect(Buffer.from(await open(one)).equals(erased)).toBe(index < about.length);
  expect(Buffer.from(await open(await seal(about[0]!)))).toEqual(erased);
  expect(await vault.expireDeadLetters('2026-01-02')).toBe(0);
  expect(await vault.expireDeadLetters('2026-01-03')).toBe(1);
  for (const one of sealed) expect(Buffer.from(await open(one))).toEqual(erased);
});
