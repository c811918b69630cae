// npm test [-- <jest arguments>]: every gate, then every test tier, on real servers. Prints a line per stage, the output of
// what failed, and at the end "N passed, N failed". With arguments only the tests run, e.g. npm test -- packages/lending
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';

const bin = (name) => `node_modules/.bin/${name}`;
const gates = [
  { name: 'types', command: bin('tsc'), args: ['--noEmit'] },
  { name: 'lint', command: bin('oxlint'), args: ['--deny-warnings'] },
  { name: 'boundaries', command: bin('depcruise'), args: ['--config', '.dependency-cruiser.mjs', 'packages', 'services'] },
  { name: 'unused', command: bin('knip'), args: ['--no-config-hints'] },
];
const servers = { name: 'servers', command: process.execPath, args: ['dist/local-stack.mjs', 'fetch'] };
const tier = (name, flags = []) => ({ name, jest: true, flags });
const tiers = [tier('unit'), tier('int'), tier('e2e', ['--runInBand'])];

let current;
let interrupted;

export async function test(args) {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      interrupted = signal;
      current?.kill(signal);
    });
  }
  const sums = { passed: 0, failed: 0, skipped: 0 };
  for (const stage of args.length > 0 ? [servers, ...tiers] : [...gates, servers, ...tiers]) {
    if (interrupted) break;
    const { passed, failed, skipped } = await runStage(stage, args);
    sums.passed += passed;
    sums.failed += failed;
    sums.skipped += skipped;
  }
  console.log(`\n${summary(sums)}${interrupted ? `, interrupted by ${interrupted}` : ''}`);
  if (interrupted) return 128 + constants.signals[interrupted];
  return sums.failed > 0 || foundNothing(sums, args) ? 1 : 0;
}

const summary = ({ passed, failed, skipped }) => `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;

/** A misspelt path is no success. */
function foundNothing({ passed, failed, skipped }, args) {
  const paths = args.filter((arg) => !arg.startsWith('-'));
  if (paths.length === 0 || passed + failed + skipped > 0) return false;
  console.log(`No test matches ${paths.join(' ')}.`);
  return true;
}

async function runStage(stage, args) {
  const started = performance.now();
  const results = `.rappel/tmp/jest-${stage.name}-${process.pid}.json`;
  const ended = stage.jest ? await execute(process.execPath, jestArguments(stage, args, results)) : await execute(stage.command, stage.args);
  mkdirSync('.rappel/logs', { recursive: true });
  writeFileSync(`.rappel/logs/test-${stage.name}.log`, ended.output);
  const counts = stage.jest ? readCounts(results, ended) : { passed: 0, failed: ended.code === 0 ? 0 : 1, skipped: 0 };
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  for (const line of counts.failed > 0 ? [ended.output.trimEnd()] : remarks(ended.output)) console.log(line);
  if (counts.lost) console.log(`jest ended with ${ended.signal ?? `exit code ${ended.code}`} before it had told its results.`);
  console.log(`${counts.failed > 0 ? '✗' : '✓'} ${stage.name.padEnd(11)} ${stage.jest ? `${summary(counts)}  ` : ''}${seconds} s`);
  return counts;
}

/** A test that needs something this machine lacks says so in a line of its own; so do those that tell figures and a seed. */
const remarks = (output) => output.split('\n').filter((line) => /^\s*skipped[: ]|^(?:matrix|forget|fuzz): /i.test(line)).map((line) => `  ${line.trim()}`);

function jestArguments({ name, flags }, args, results) {
  mkdirSync('.rappel/tmp', { recursive: true });
  const node = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js'];
  return [...node, ...args, ...flags, '--selectProjects', name, '--passWithNoTests', '--json', `--outputFile=${results}`, '--silent=false'];
}

/** A suite that could not even start counts as a failed test; so does a jest that was killed or left without a word: it writes results also when it finds no test. */
function readCounts(results, { code }) {
  if (!existsSync(results)) return { passed: 0, failed: 1, skipped: 0, lost: true };
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, numRuntimeErrorTestSuites } = JSON.parse(readFileSync(results, 'utf8'));
  rmSync(results, { force: true });
  const failed = numFailedTests + numRuntimeErrorTestSuites;
  return { passed: numPassedTests, failed: code === 0 ? failed : Math.max(1, failed), skipped: numPendingTests + numTodoTests };
}

function execute(command, args) {
  return new Promise((resolve) => {
    let output = '';
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, FORCE_COLOR: process.stdout.isTTY ? '1' : '0' } });
    current = child;
    // With --json jest prints the report on stdout; people read what it writes to stderr.
    child.stdout.on('data', (chunk) => { if (!args.includes('--json')) output += chunk; });
    child.stderr.on('data', (chunk) => { output += chunk; });
    child.once('error', (error) => resolve({ code: 1, output: `${output}${error.message}\n` }));
    child.once('close', (code, signal) => resolve({ code, signal, output }));
  });
}
