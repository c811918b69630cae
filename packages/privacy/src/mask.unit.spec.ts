import { randomBytes } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { createLookup, maskAddress, maskEmail, maskName, maskPhone, parseMasterKeys } from './index.ts';

test('masks leave enough to recognise and not enough to use', () => {
  expect(maskEmail('marie.durand@example.org')).toBe('m***@e***.org');
  expect(maskEmail('not an address')).toBe('***');
  expect(maskPhone('+33 6 12 34 56 78')).toBe('+33*******78');
  expect(maskPhone('12')).toBe('***');
  expect(maskName('Marie  Durand')).toBe('M. D.');
  expect(maskName(' ')).toBe('***');
  expect(maskAddress('a@b.fr')).toBe('a***@b***.fr');
  expect(maskAddress('0612345678')).toBe('06******78');
});

test('an address is found by its hash, however it is written, and after a rotation too', () => {
  const [old, young] = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')];
  const before = createLookup(old).of('Marie@Example.org ');
  expect(before).toBe(createLookup(old).of('marie@example.org'));
  expect(before).not.toContain('marie');
  expect(createLookup(young).of('marie@example.org')).not.toBe(before);
  expect(createLookup(`${young},${old}`).all('marie@example.org')).toContain(before);
  expect(createLookup(old).of('+33 6 12')).toBe(createLookup(old).of('+33612'));
});

test('master keys: forms taken and refused, never quoting the value', () => {
  const base64 = randomBytes(32).toString('base64');
  expect(parseMasterKeys(base64).current.secret).toHaveLength(32);
  expect(parseMasterKeys(`a:${base64},b:${'0'.repeat(63)}1`).all.map(({ id }) => id)).toEqual(['a', 'b']);
  for (const bad of ['', 'short', `a:${base64},a:${base64}`, 'x'.repeat(99)]) {
    expect(() => parseMasterKeys(bad)).toThrow(expect.objectContaining({ code: 'master-key-invalid', message: expect.not.stringContaining(bad || '\u0000') }));
  }
});
