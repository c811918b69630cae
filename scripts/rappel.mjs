#!/usr/bin/env node
// The one way in: node scripts/rappel.mjs <start|demo|test|cli|bench|chaos|build> [arguments]
// Runs in a fresh clone with nothing but Node: it installs and builds what changed since the last time, then runs the thing.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync, accessSync, constants } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [command = 'start', ...args] = process.argv.slice(2);

/** What each command runs: a bundle and the arguments that come first. */
const tools = {
  start: ['local-stack'],
  demo: ['demo'],
  cli: ['cli'],
  bench: ['bench'],
  chaos: ['chaos'],
};

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) fail(`Node ${process.versions.node} is too old: install Node 20.19 or newer (https://nodejs.org) and run again.`);
if (command !== 'test' && command !== 'build' && !(command in tools)) fail(`Unknown command "${command}". Known: ${[...Object.keys(tools), 'test', 'build'].join(', ')}.`);

process.chdir(root);
install();
if (command === 'build') await runBuild(args.includes('--production'));
else {
  await buildIfChanged();
  if (command === 'test') process.exitCode = await (await import('./test.mjs')).test(args);
  else await run(tools[command]);
}

/** In this process, so that signals reach it and it starts sooner. */
async function run([bundle, ...first]) {
  const file = join(root, 'dist', `${bundle}.mjs`);
  if (!existsSync(file)) fail(`"${command}" is not part of this checkout: packages/${bundle}/src/main.ts is missing.`);
  process.setSourceMapsEnabled(true);
  process.argv = [process.argv[0], file, ...first, ...args];
  await import(pathToFileURL(file).href);
}

function install() {
  const wanted = hash(readFileSync('pnpm-lock.yaml'), readFileSync('pnpm-workspace.yaml'), process.platform, process.arch, `${major}`);
  // The marker lies in node_modules: who deletes that folder deletes the marker.
  const marker = 'node_modules/.rappel-installed';
  if (existsSync(marker) && readFileSync(marker, 'utf8') === wanted) return;
  const { packageManager } = JSON.parse(readFileSync('package.json', 'utf8'));
  say('Installing dependencies (the first time takes a minute) …');
  const flags = ['exec', '--yes', '--', packageManager, 'install', '--frozen-lockfile', '--prefer-offline', '--reporter=append-only'];
  const result = spawnSync('npm', flags, { encoding: 'utf8', env: installEnv(), shell: process.platform === 'win32' });
  if (result.error?.code === 'ENOENT') fail('npm is missing: it comes with Node from https://nodejs.org (Debian and Ubuntu: apt install npm).');
  if (result.status !== 0) {
    const output = `${result.stdout}\n${result.stderr}`.trim();
    mkdirSync('.rappel/logs', { recursive: true });
    writeFileSync('.rappel/logs/install.log', `${output}\n`);
    const reason = /(?:npm error code|ERR_PNPM_\w+|\bE[A-Z]{4,})[^\n]*/.exec(output)?.[0] ?? `exit code ${result.status}`;
    fail(`Installing the dependencies failed: ${reason}. The whole output is in .rappel/logs/install.log. If the package registry cannot be reached, set it with "npm config set registry URL" and run again.`);
  }
  writeFileSync(marker, wanted);
}

/** Package managers keep their caches in the home folder; where that cannot be written, in the checkout. */
function installEnv() {
  const env = { ...process.env, CI: 'true', NODE_ENV: '', npm_config_update_notifier: 'false' };
  try {
    accessSync(homedir(), constants.W_OK);
    return env;
  } catch {
    const home = join(root, '.rappel', 'home');
    mkdirSync(home, { recursive: true });
    return { ...env, HOME: home, npm_config_cache: join(home, 'npm') };
  }
}

async function buildIfChanged() {
  const marker = 'dist/.built-from';
  const inputs = fingerprint();
  if (existsSync(marker) && readFileSync(marker, 'utf8') === inputs) return;
  say('Building …');
  await runBuild(false);
  writeFileSync(marker, inputs);
}

async function runBuild(production) {
  const { build } = await import('./build.mjs');
  await build({ production });
}

/** Every source file with its size and time: 20 ms instead of a second for a build that nobody needs. */
function fingerprint() {
  const files = ['services', 'packages'].flatMap((kind) => readdirSync(kind).flatMap((name) => {
    const folder = join(kind, name);
    const sources = existsSync(join(folder, 'src')) ? readdirSync(join(folder, 'src'), { recursive: true }).map((file) => join(folder, 'src', file)) : [];
    return [join(folder, 'package.json'), ...sources].filter((file) => existsSync(file));
  }));
  const lines = ['pnpm-lock.yaml', 'scripts/build.mjs', 'tsconfig.base.json', ...files].toSorted().map((file) => {
    const { size, mtimeMs, ino } = statSync(file);
    return `${file} ${size} ${mtimeMs} ${ino}`;
  });
  return hash(root, ...lines);
}

function hash(...parts) {
  const digest = createHash('sha256');
  for (const part of parts) digest.update(part).update('\0');
  return digest.digest('hex');
}

function say(text) {
  console.error(text);
}

function fail(text) {
  console.error(text);
  process.exit(1);
}
