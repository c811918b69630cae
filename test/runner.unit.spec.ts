import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const runner = pathToFileURL('scripts/test.mjs').href;
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'rappel-runner-'));
  for (const path of ['dist', 'node_modules/jest/bin']) mkdirSync(join(folder, path), { recursive: true });
  writeFileSync(join(folder, 'dist/local-stack.mjs'), '');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** `npm test -- packages/x` with another jest. */
function run(jest: string): Promise<{ code: number | null; said: string }> {
  writeFileSync(join(folder, 'node_modules/jest/bin/jest.js'), `
    const { writeFileSync } = require('node:fs');
    const [tier, file] = [process.argv[process.argv.indexOf('--selectProjects') + 1], process.argv.find((arg) => arg.startsWith('--outputFile=')).slice(13)];
    const report = (passed, failed) => writeFileSync(file, JSON.stringify({ numPassedTests: passed, numFailedTests: failed, numPendingTests: 0, numTodoTests: 0, numRuntimeErrorTestSuites: 0 }));
    ${jest}`);
  const child = spawn(process.execPath, ['--input-type=module', '-e', `process.exitCode = await (await import(${JSON.stringify(runner)})).test(['packages/x']);`], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  child.stdout.on('data', (text: Buffer) => { said += String(text); });
  child.stderr.on('data', (text: Buffer) => { said += String(text); });
  return new Promise((resolve) => { child.once('close', (code) => resolve({ code, said })); });
}

describe('the test runner', () => {
  it('sums up what jest reports, tier by tier', async () => {
    const { code, said } = await run("report(tier === 'unit' ? 3 : tier === 'int' ? 2 : 0, 0);");
    expect([code, said]).toEqual([0, expect.stringMatching(/✓ unit +3 passed, 0 failed.*\n✓ int +2 passed, 0 failed.*\n✓ e2e +0 passed, 0 failed.*\n\n5 passed, 0 failed\n$/)]);
  });

  it.each([
    ['is killed, as for want of memory', "console.error('PASS a'); process.kill(process.pid, 'SIGKILL'); setTimeout(() => undefined, 60_000);", /PASS a\njest ended with SIGKILL before it had told its results\.\n✗ int +0 passed, 1 failed/],
    ['leaves without a word', '', /jest ended with exit code 0 before it had told its results\.\n✗ int +0 passed, 1 failed/],
    ['breaks', "console.error('no such option'); process.exit(3);", /no such option\njest ended with exit code 3 before it had told its results\./],
    ['reports no failure and breaks afterwards', 'report(2, 0); process.exit(1);', /✗ int +2 passed, 1 failed/],
  ])('says what happened when jest %s, and fails', async (_, jest, words) => {
    const { code, said } = await run(`if (tier !== 'int') report(1, 0); else { ${jest} }`);
    expect([code, said]).toEqual([1, expect.stringMatching(words)]);
    expect(said).toMatch(/✓ e2e +1 passed.*\n\n\d passed, 1 failed\n$/);
  });

  it('fails where no test is', async () => {
    const { code, said } = await run('report(0, 0);');
    expect([code, said]).toEqual([1, expect.stringContaining('0 passed, 0 failed\nNo test matches packages/x.\n')]);
  });
});
