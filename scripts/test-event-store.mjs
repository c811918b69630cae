// pnpm test:event-store: the contract suite on every event store within reach; a line for each, and for what was not run.
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';

const results = '.rappel/tmp/event-store.json';
mkdirSync('.rappel/tmp', { recursive: true });
const jest = spawn(process.execPath, [
  '--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js',
  '--selectProjects', 'unit', 'int', '--testPathPatterns', 'packages/event-store', '--json', `--outputFile=${results}`, ...process.argv.slice(2),
], { stdio: ['ignore', 'ignore', 'pipe'] });
let output = '';
jest.stderr.on('data', (chunk) => { output += chunk; });
const code = await new Promise((resolve) => { jest.on('close', resolve); });
if (code !== 0) console.log(output.trimEnd());

const adapters = new Map();
const { testResults } = JSON.parse(readFileSync(results, 'utf8'));
for (const { ancestorTitles, status } of testResults.flatMap((file) => file.assertionResults)) {
  const name = ancestorTitles[0]?.startsWith('event store contract: ') ? ancestorTitles[0].slice('event store contract: '.length) : 'beside the contract (controls, migrations, transfer)';
  const counts = adapters.get(name) ?? { passed: 0, failed: 0 };
  counts[status === 'passed' ? 'passed' : 'failed'] += 1;
  adapters.set(name, counts);
}
console.log('');
for (const [name, { passed, failed }] of adapters) console.log(`${failed > 0 ? '✗' : '✓'} ${name}: ${passed + failed} cases, ${passed} passed, ${failed} failed`);
for (const line of new Set(output.match(/skipped: .*/g) ?? [])) console.log(`- not run: ${line.slice('skipped: '.length)}`);
process.exitCode = code ?? 1;
