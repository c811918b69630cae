import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from '@jest/globals';
import { addresses } from '../src/addresses.ts';
import { createFleet } from '../src/fleet.ts';

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'rappel-demo-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The demonstration's table and its verdict, without the lines that tell times. */
async function demonstrate(name: string, ...flags: string[]): Promise<{ table: string; checks: string[] }> {
  const { stdout } = await run(process.execPath, [resolve('dist/demo.mjs'), '--loans', String(LOANS), '--data', join(folder, name), ...flags], { timeout: 400_000, env: { ...process.env, EVENT_STORE_URL: '', LOG_LEVEL: 'debug' } });
  const lines = stdout.split('\n');
  return { table: lines.filter((line) => /[│┌├└]/.test(line)).join('\n'), checks: lines.filter((line) => /^[✓✗]/.test(line)) };
}

interface Person { readonly firstName: string; readonly lastName: string; readonly email?: string; readonly phone?: string }
const LOANS = 66;
const people = createFleet(LOANS, addresses).map(({ events }) => (events[0]!.data as { borrower: Person }).borrower);
/** Every name, address and number of the run, numbers also as they look without plus, blanks or country. */
const personal = [...new Set(people.flatMap(({ firstName, lastName, email, phone }) => [firstName, lastName, ...(email ? [email] : []), ...(phone?.startsWith('+33') ? [phone, phone.slice(3), `0${phone.slice(3)}`] : [])]))];

/** The lines of all logs of a run, servers included, that hold something personal. */
function leaks(name: string): { lines: number; found: string[] } {
  const logs = join(folder, name, 'logs');
  const lines = readdirSync(logs).flatMap((file) => readFileSync(join(logs, file), 'utf8').split('\n').map((line) => `${file}: ${line}`));
  // As a word: `Demo1` is not in `Demo12`.
  const trace = new RegExp(`(?<![\\p{L}\\d])(?:${personal.map((text) => text.replaceAll(/[.+*?^$()[\]{}|\\]/g, '\\$&')).join('|')})(?![\\p{L}\\d])`, 'u');
  return { lines: lines.length, found: lines.filter((line) => trace.test(line)) };
}

test('killing a service and wiping NATS half-way change nothing in the final table, and no log of either run, at its most talkative, names anybody', async () => {
  const calm = await demonstrate('calm');
  expect(calm.checks).toHaveLength(8);
  expect(calm.checks.filter((line) => line.startsWith('✗'))).toEqual([]);

  const troubled = await demonstrate('troubled', '--kill', 'email', '--wipe-nats');
  expect(troubled).toEqual(calm);

  for (const name of ['calm', 'troubled']) {
    const { lines, found } = leaks(name);
    expect([name, lines > 500, found.slice(0, 5)]).toEqual([name, true, []]);
  }
}, 900_000);

test('a Ctrl-C in the middle ends it in order, and says nothing of services that it ends itself', async () => {
  const demo = spawn(process.execPath, [resolve('dist/demo.mjs'), '--loans', String(LOANS), '--data', join(folder, 'stopped')], { env: { ...process.env, EVENT_STORE_URL: '' }, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  for await (const chunk of demo.stderr.setEncoding('utf8') as AsyncIterable<string>) {
    if (said === '') demo.kill('SIGINT');
    said += chunk;
  }
  const [code] = demo.exitCode === null ? await once(demo, 'exit') as [number] : [demo.exitCode];
  expect([code, said.split('\n').slice(1)]).toEqual([130, ['']]);
}, 300_000);
