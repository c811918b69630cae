// pnpm test:security [-- JEST ARGUMENTS]: strangers, erasure and hostile input on real servers. Shows jest's output as it comes and
// ends with a line for each of: matrix, forget, fuzz. FUZZ_CASES (default 2000) and SEED (default random, printed) steer the fuzzing.
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';

const results = '.rappel/tmp/security.json';
mkdirSync('.rappel/tmp', { recursive: true });
rmSync(results, { force: true });
if (spawnSync(process.execPath, ['scripts/rappel.mjs', 'build'], { stdio: 'inherit' }).status !== 0) process.exit(1);

const jest = spawn(process.execPath, [
  '--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js',
  '--selectProjects', 'unit', 'int', 'e2e', '--runInBand', '--verbose', '--json', `--outputFile=${results}`, '--testPathPatterns', 'test/security', ...process.argv.slice(2),
], { stdio: ['ignore', 'ignore', 'pipe'] });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => jest.kill(signal));
let output = '';
jest.stderr.on('data', (chunk) => {
  output += chunk;
  process.stderr.write(chunk);
});
const code = await new Promise((resolve) => { jest.on('close', resolve); });

const cases = readCases();
console.log('');
const parts = ['matrix', 'forget', 'fuzz'].map(judge);
for (const { line } of parts) console.log(line);
process.exitCode = code !== 0 || parts.some(({ good }) => !good) ? 1 : 0;

function readCases() {
  try {
    return JSON.parse(readFileSync(results, 'utf8')).testResults.flatMap(({ assertionResults }) => assertionResults);
  } catch {
    return [];
  }
}

/** The tests of one part, by the first word of their outermost title, and what they said about themselves. */
function judge(part) {
  const own = cases.filter(({ ancestorTitles: [title = ''] }) => title === part || title.startsWith(`${part} `));
  const failed = own.filter(({ status }) => status !== 'passed').length;
  const said = [...output.matchAll(new RegExp(`^${part}: (.*)$`, 'gm'))].map(([, text]) => text);
  const good = own.length > 0 && failed === 0 && said.length > 0;
  return { good, line: `${good ? '✓' : '✗'} ${part.padEnd(7)} ${said.join(' · ') || 'said nothing'} (${own.length - failed} of ${own.length} tests passed)` };
}
