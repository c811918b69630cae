import { afterAll, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { claimFolder, makeTempDir } from './workspace.ts';

const parent = makeTempDir('claim');
afterAll(() => rmSync(parent, { recursive: true, force: true }));

test('a data folder belongs to one living process at a time', async () => {
  const folder = join(parent, 'data');
  const other = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000)']);
  writeFileSync(`${folder}.pid`, String(other.pid));
  expect(() => claimFolder(folder)).toThrow(`${folder} is in use by process ${other.pid}`);
  expect(existsSync(folder)).toBe(false);

  other.kill('SIGKILL');
  await once(other, 'exit');
  claimFolder(folder);
  expect(existsSync(folder)).toBe(true);
});

test('what an earlier run left is deleted only on demand', () => {
  const folder = join(parent, 'kept');
  claimFolder(folder);
  writeFileSync(join(folder, 'left.txt'), '');
  rmSync(`${folder}.pid`);
  claimFolder(folder);
  expect(existsSync(join(folder, 'left.txt'))).toBe(true);
  rmSync(`${folder}.pid`);
  claimFolder(folder, { emptied: true });
  expect(existsSync(join(folder, 'left.txt'))).toBe(false);
});
