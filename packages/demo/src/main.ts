import { join, resolve } from 'node:path';
import { claimFolder, startStack } from '@rappel/local-stack';
import { Command, InvalidArgumentError, Option } from 'commander';
import { ORIGIN } from './fleet.ts';
import { createProgress } from './progress.ts';
import { END, runDemonstration, SERVICES } from './run.ts';
import { createSteering } from './steering.ts';

const fleetSize = (text: string): number => {
  const size = Number(text);
  if (!Number.isInteger(size) || size < 66 || size > 990) throw new InvalidArgumentError('a whole number from 66 to 990');
  return size;
};

const options = new Command('npm run demo --')
  .description('A fleet of loans goes out, a few days pass quickly, and everything sent is compared with the log.\nExit code 0 says that they agree.\nEVENT_STORE_URL=kurrentdb://… lets the events be kept there; it must hold none of Rappel\'s yet.')
  .option('--loans <n>', 'how many loans, 66 to 990', fleetSize, 330)
  .option('--stay', 'keep everything up afterwards and print the links', false)
  .addOption(new Option('--kill <service>', 'kill this service half-way; it is started again').choices(SERVICES))
  .option('--wipe-nats', 'kill NATS half-way and delete its data directory', false)
  .option('--data <dir>', 'where the data goes; deleted at every start', '.rappel/data/demo')
  .parse()
  .opts<{ loans: number; stay: boolean; kill?: string; wipeNats: boolean; data: string }>();

const data = resolve(options.data);
try {
  claimFolder(data, { emptied: true });
} catch (error) {
  console.error((error as Error).message);
  process.exit(1);
}
const clockFile = join(data, 'clock.json');
const steering = createSteering(clockFile, ORIGIN);
const progress = createProgress(ORIGIN, END);
const { EVENT_STORE_URL } = process.env;
const starting = startStack({ dataDir: data, env: { RAPPEL_CLOCK: `file:${clockFile}`, ...(EVENT_STORE_URL && { EVENT_STORE_URL }) } });

let leaving = false;
const leave = async (code: number): Promise<void> => {
  if (leaving) return;
  leaving = true;
  progress.stop();
  await starting.then((stack) => stack.stop(), () => undefined);
  process.exit(code);
};
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void leave(130));

try {
  const stack = await starting;
  const keyFile = join(data, 'api.key');
  const good = await runDemonstration({ ...options, stack, steering, progress, keyFile, isOver: () => leaving });
  if (options.stay) {
    console.log(`\nmails              ${stack.inbox!.url}\nWhatsApp messages  ${stack.twilio!.url}`);
    for (const { name, url } of stack.services) console.log(`${name.padEnd(18)} ${url}/docs`);
    console.log(`API key            ${keyFile}\n\nCtrl-C stops everything.`);
  } else {
    await leave(good ? 0 : 1);
  }
} catch (error) {
  // What was interrupted on the way out has nothing to say.
  if (!leaving) console.error(error instanceof Error ? error.message : error);
  await leave(1);
}
