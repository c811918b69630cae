import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from '@jest/globals';

const run = promisify(execFile);
const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
const dir = mkdtempSync(join(tmpdir(), 'rappel-bench-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

interface Row { readonly name: string; readonly value?: number; readonly notRun?: string }

/** Tiny runs: that every part runs and says what it measured. How fast is nobody's business here. */
describe('npm run bench -- --smoke', () => {
  // The parts that take seconds; the others start whole systems and are for `npm run bench -- --smoke`.
  const parts = ['subscription', 'relay'];
  test.each(parts)('%s', async (part) => {
    const bundle = join(root, 'dist/bench.mjs');
    if (!existsSync(bundle)) throw new Error('build first: node scripts/build.mjs');
    const file = join(dir, `${part}.json`);
    const { stdout } = await run(process.execPath, [bundle, part, '--smoke', '--json', file], { cwd: root, env: { ...process.env, NODE_OPTIONS: '' } });
    const { rows } = JSON.parse(readFileSync(file, 'utf8')) as { rows: Row[] };
    const notRun = rows.filter((row) => row.notRun);
    for (const { name, notRun: why } of notRun) console.log(`skipped: ${name}: ${why}`);
    expect(notRun.filter(({ notRun: why }) => why!.startsWith('it broke'))).toEqual([]);
    for (const { value } of rows.filter((row) => !row.notRun)) expect(value).toBeGreaterThanOrEqual(0);
    expect(stdout).toContain('PostgreSQL');
  }, 300_000);
});
