import { spawn, execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { until } from '@rappel/local-stack';

const run = promisify(execFile);
const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
const bundle = join(root, 'dist/bench.mjs');
const env = { ...process.env, NODE_OPTIONS: '' };
const dir = mkdtempSync(join(tmpdir(), 'rappel-bench-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
beforeAll(() => {
  if (!existsSync(bundle)) throw new Error('build first: node scripts/build.mjs');
});

interface Row { readonly part: string; readonly name: string; readonly value?: number; readonly notRun?: string }
const parts = ['pipeline', 'whatsapp', 'latency', 'event-store', 'subscription', 'rebuild', 'log-queries', 'scheduler', 'relay', 'growth', 'cost'];

/** Tiny runs: that every part runs and says what it measured. How fast is nobody's business here. */
describe('npm run bench -- --smoke', () => {
  let rows: readonly Row[];
  let output: string;
  beforeAll(async () => {
    const file = join(dir, 'smoke.json');
    const { stdout } = await run(process.execPath, [bundle, '--smoke', '--json', file], { cwd: root, env }).catch((error: { stdout: string; stderr: string }) => {
      throw new Error(`${error.stdout}\n${error.stderr}`.slice(-3000));
    });
    output = stdout;
    ({ rows } = JSON.parse(readFileSync(file, 'utf8')) as { rows: Row[] });
    for (const { name, notRun: why } of rows.filter((row) => row.notRun)) console.log(`skipped: ${name}: ${why}`);
  }, 300_000);

  test.each(parts)('%s', (part) => {
    const own = rows.filter((row) => row.part === part);
    expect(own.length).toBeGreaterThan(0);
    // What a peer's missing server takes away is said in its row; whatever else is not run is broken.
    expect(own.filter(({ notRun }) => notRun?.startsWith('it broke'))).toEqual([]);
    expect(own.some(({ notRun }) => !notRun)).toBe(true);
    for (const { value } of own.filter(({ notRun }) => !notRun)) expect(value).toBeGreaterThanOrEqual(0);
  });

  test('knows no other part', () => {
    expect([...new Set(rows.map(({ part }) => part))].toSorted()).toEqual(parts.toSorted());
  });

  test('says what it ran on', () => {
    expect(output).toMatch(/cores, .* GB, .*PostgreSQL .*NATS/);
  });
});

describe('npm run bench', () => {
  test('refuses a part that it does not know', async () => {
    await expect(run(process.execPath, [bundle, 'speed'], { cwd: root, env })).rejects.toMatchObject({ stderr: expect.stringContaining('pipeline') });
  });

  test('leaves nothing behind on Ctrl-C', async () => {
    const child = spawn(process.execPath, [bundle, 'subscription', '--smoke'], { cwd: root, env, stdio: ['ignore', 'ignore', 'pipe'] });
    const ended = new Promise<number | null>((resolve) => { child.once('exit', (code) => resolve(code)); });
    let said = '';
    child.stderr.on('data', (chunk) => { said += String(chunk); });
    await until('the part', async () => (said.includes('subscription') ? true : undefined));
    const mine = () => readdirSync(join(root, '.rappel/tmp')).filter((name) => name.includes(`-${child.pid}-`));
    await until('a server of its own', async () => (mine().length > 0 ? true : undefined));
    child.kill('SIGINT');
    expect(await ended).toBe(130);
    expect(mine()).toEqual([]);
  }, 60_000);
});
