import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Argument, Command, InvalidArgumentError } from 'commander';
import { runBullWorker } from './bullmq.ts';
import { runAsChild } from './child.ts';
import { cost } from './cost.ts';
import type { Context, Part } from './context.ts';
import type { Row } from './figures.ts';
import { describeMachine, machineLine } from './machine.ts';
import { eventStore, subscription } from './event-store.ts';
import { growth } from './growth.ts';
import { createHosts, type Hosts } from './hosts.ts';
import { latency } from './latency.ts';
import { logQueries } from './log-queries.ts';
import { pipeline } from './pipeline.ts';
import { rebuild } from './rebuild.ts';
import { relay } from './relay.ts';
import { resultTable } from './report.ts';
import { scheduler } from './scheduler.ts';
import { runSchedulerBenchChild } from './scheduler-burst.ts';
import { runSink } from './sink.ts';
import { serverVersions } from './versions.ts';
import { whatsapp } from './whatsapp.ts';

const parts: Readonly<Record<string, Part>> = { pipeline, whatsapp, latency, 'event-store': eventStore, subscription, rebuild, 'log-queries': logQueries, scheduler, relay, growth, cost };

if (!await runAsChild({ sink: runSink, bullmq: runBullWorker }) && !await runSchedulerBenchChild()) await bench();

interface Options { json?: string; rounds: number; count: number; loans: number; notifications: number; smoke: boolean; profile: boolean; growth: number[] }

async function bench(): Promise<void> {
  process.on('uncaughtException', (error: Error & { code?: string }) => {
    // Peers leave idle connections open that complain when their server is stopped.
    if (error.code === '57P01') return;
    process.stderr.write(`${error.stack ?? String(error)}\n`);
    process.exit(1);
  });
  const command = new Command('npm run bench --')
    .description('Measures Rappel beside what people would pick instead, on real servers, in the same run.')
    .addArgument(new Argument('[part...]', 'what to measure; default all').choices(Object.keys(parts)))
    .option('--json <file>', 'write the result there as well')
    .option('--rounds <n>', 'rounds that count; one more comes first, to warm up', whole, 3)
    .option('--count <n>', 'loan events in each round of the pipelines', whole, 5000)
    .option('--loans <n>', 'loans that the scheduler plans; a tenth of them fall due at once', whole, 1_000_000)
    .option('--notifications <n>', 'notifications in the log when its questions are asked', whole, 5_000_000)
    .option('--smoke', 'tiny numbers: shows that each part runs, says nothing about speed', false)
    .option('--profile', 'services leave CPU profiles in .rappel/profiles', false)
    .option('--growth <n,n>', 'events stored before each step of growth', (text) => text.split(',').map(whole), [0, 1_000_000])
    .parse();
  const options = command.opts<Options>();
  const profiles = options.profile ? resolve('.rappel/profiles', new Date().toISOString().replaceAll(/[:.]/g, '-')) : undefined;
  const hosts = createHosts({ say, ...(profiles && { profiles }) }, { shared: options.smoke });
  endInOrder(hosts);
  const machine = describeMachine(await serverVersions());
  say(machineLine(machine));
  const context: Context = { ...numbers(options), smoke: options.smoke, hosts, say };
  const chosen = command.processedArgs[0] as string[];
  const rows = await runParts(chosen.length > 0 ? chosen : Object.keys(parts), context);
  if (hosts.closed()) return;
  console.log(`\n${machineLine(machine)}\n${resultTable(rows)}`);
  if (profiles) console.log(`profiles: ${profiles}`);
  const { rounds, count, smoke } = context;
  if (options.json) writeFileSync(options.json, `${JSON.stringify({ at: new Date().toISOString(), machine, rounds, count, smoke, rows }, undefined, 2)}\n`);
  await hosts.close();
  // What a broken part left open must not hold the program; its children end with it.
  process.exit();
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** How much of everything. */
function numbers({ smoke, rounds, count, loans, notifications, growth: stored }: Options): Pick<Context, 'rounds' | 'count' | 'loans' | 'notifications' | 'growth'> {
  return smoke ? { rounds: 1, count: 20, loans: 500, notifications: 2000, growth: [0, 1000] } : { rounds, count, loans, notifications, growth: stored };
}

async function runParts(names: readonly string[], context: Context): Promise<(Row & { part: string })[]> {
  const rows: (Row & { part: string })[] = [];
  for (const part of names) {
    if (context.hosts.closed()) break;
    rows.push(...(await runPart(part, context)).map((row) => ({ part, ...row })));
  }
  return rows;
}

/** Ctrl-C: servers and services first, their data with them. */
function endInOrder(hosts: Hosts): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      process.stderr.write('ending\n');
      void hosts.close().finally(() => process.exit(130));
    });
  }
}

/** A part that breaks loses its own rows, not the others'. */
async function runPart(name: string, context: Context): Promise<Row[]> {
  context.say(name);
  try {
    return await parts[name]!(context);
  } catch (error) {
    process.exitCode = 1;
    return [{ name, notRun: `it broke: ${(error as Error).message}` }];
  }
}

function whole(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new InvalidArgumentError('a whole number');
  return value;
}
