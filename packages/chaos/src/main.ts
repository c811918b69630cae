import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { claimFolder } from '@rappel/local-stack';
import { Command, InvalidArgumentError } from 'commander';
import { describeBlow, planBlows } from './plan.ts';
import { reportLines } from './report.ts';
import { runChaos } from './run.ts';
import { setStage } from './stage.ts';

const whole = (from: number, to: number) => (text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < from || value > to) throw new InvalidArgumentError(`a whole number from ${from} to ${to}`);
  return value;
};

const options = new Command('npm run chaos --')
  .description('Loans stream in while services and servers are killed, frozen, cut off and wiped; then everything is compared.\nExit code 0: nothing lost, nothing doubled. 1: something was. 2: the run itself did not work.')
  .option('--seconds <n>', 'how long blows fall', whole(1, 86_400), 60)
  .option('--seed <n>', 'decides which blows fall when, and what is lent', whole(0, 2 ** 31), 1)
  .option('--rate <n>', 'loans a second', whole(1, 200), 2)
  .option('--patience <n>', 'seconds that everything may take to come to rest afterwards', whole(1, 86_400), 600)
  .option('--json <file>', 'write the figures and checks there')
  .option('--data <dir>', 'where the data goes, deleted at every start', '.rappel/data/chaos')
  .option('--plan', 'print the blows of the seed and end', false)
  .parse()
  .opts<{ seconds: number; seed: number; rate: number; patience: number; json?: string; data: string; plan: boolean }>();

const blows = planBlows(options.seed, options.seconds);
const repeat = `--seconds ${options.seconds} --seed ${options.seed} --rate ${options.rate}`;
console.log(`seed ${options.seed}: ${blows.length} blows in ${options.seconds} s`);
for (const blow of blows) console.log(describeBlow(blow));
if (options.plan) process.exit(0);

const data = resolve(options.data);
try {
  claimFolder(data, { emptied: true });
} catch (error) {
  console.error((error as Error).message);
  process.exit(1);
}

let leaving = false;
const started = performance.now();
const say = (line: string): void => { if (!leaving) process.stderr.write(`[${((performance.now() - started) / 1000).toFixed(0).padStart(4)} s] ${line}\n`); };
const starting = setStage(data, options.seed, () => leaving);
const leave = async (code: number): Promise<void> => {
  if (leaving) return;
  leaving = true;
  await starting.then((stage) => stage.stop(), () => undefined);
  process.exit(code);
};
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void leave(130));

try {
  say('starting two instances of email and WhatsApp, one of the other services');
  const stage = await starting;
  say('everything is up');
  const verdict = await runChaos(stage, { ...options, data, say });
  console.log(reportLines(verdict));
  if (options.json) writeFileSync(options.json, `${JSON.stringify({ seed: options.seed, seconds: options.seconds, rate: options.rate, blows, ...verdict }, null, 2)}\n`);
  console.log(verdict.good ? 'nothing lost, nothing doubled' : `repeat with: npm run chaos -- ${repeat}; logs and evidence are in ${data}`);
  await leave(verdict.good ? 0 : 1);
} catch (error) {
  // What was interrupted on the way out has nothing to say.
  if (!leaving) console.error(`${error instanceof Error ? error.message : error}\nrepeat with: npm run chaos -- ${repeat}; logs are in ${data}/logs`);
  await leave(2);
}
