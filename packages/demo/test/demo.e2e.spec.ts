import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from '@jest/globals';

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'rappel-demo-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The demonstration's table and its verdict, without the lines that tell times. */
async function demonstrate(name: string, ...flags: string[]): Promise<{ table: string; checks: string[] }> {
  const { stdout } = await run(process.execPath, [resolve('dist/demo.mjs'), '--loans', '66', '--data', join(folder, name), ...flags], { timeout: 400_000, env: { ...process.env, EVENT_STORE_URL: '' } });
  const lines = stdout.split('\n');
  return { table: lines.filter((line) => /[│┌├└]/.test(line)).join('\n'), checks: lines.filter((line) => /^[✓✗]/.test(line)) };
}

test('killing a service and wiping NATS half-way change nothing in the final table', async () => {
  const calm = await demonstrate('calm');
  expect(calm.checks).toHaveLength(7);
  expect(calm.checks.filter((line) => line.startsWith('✗'))).toEqual([]);

  const troubled = await demonstrate('troubled', '--kill', 'email', '--wipe-nats');
  expect(troubled).toEqual(calm);
}, 900_000);
