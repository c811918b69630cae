import { execFile } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from '@jest/globals';
import type { Verdict } from '../src/compare.ts';

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'rappel-chaos-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const seed = Number(process.env['CHAOS_SEED'] ?? randomInt(2 ** 31));

test(`nothing is lost or doubled while things break (seed ${seed})`, async () => {
  console.log(`chaos seed ${seed}: repeat with CHAOS_SEED=${seed}`);
  const json = join(folder, 'verdict.json');
  const flags = ['--seconds', '10', '--rate', '2', '--seed', String(seed), '--data', join(folder, 'data'), '--json', json];
  // Exit code 1 says what the file says in more detail; without a file it is the run that did not work.
  const failure = await run(process.execPath, [resolve('dist/chaos.mjs'), ...flags], { timeout: 850_000 }).then(() => undefined, (error: { stdout: string; stderr: string }) => error);
  const verdict = failure && !failure.stdout.includes('✓') ? undefined : JSON.parse(readFileSync(json, 'utf8')) as Verdict;
  expect(verdict ?? failure?.stderr.slice(-3000)).toMatchObject({ figures: { lost: 0, doubledWhatsapp: 0, doubledEmail: 0 } });
  expect(verdict!.checks.filter(({ wrong }) => wrong.length > 0)).toEqual([]);
  expect(verdict!.figures.loans).toBeGreaterThan(0);
}, 900_000);
