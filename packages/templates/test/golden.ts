import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from '@jest/globals';

const pathOf = (file: string): string => join(dirname(fileURLToPath(import.meta.url)), 'golden', file);

export function golden(file: string): Buffer {
  return readFileSync(pathOf(file));
}

/** Compares with a kept file; `UPDATE_GOLDEN=1` writes it instead (then read the difference before committing). */
export function expectGolden(file: string, text: string): void {
  if (process.env['UPDATE_GOLDEN'] === '1') {
    mkdirSync(dirname(pathOf(file)), { recursive: true });
    writeFileSync(pathOf(file), text);
  }
  expect(text).toBe(golden(file).toString('utf8'));
}
