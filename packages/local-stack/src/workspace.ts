import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout's root: the nearest folder above this file that holds the workspace file. Works from src and from dist. */
export const workspaceRoot = findUp(dirname(fileURLToPath(import.meta.url)));

/** A path under `.rappel`, the only folder of the checkout that this package writes to. Parents are made. */
export function inRappelDir(...parts: string[]): string {
  const path = join(workspaceRoot, '.rappel', ...parts);
  mkdirSync(dirname(path), { recursive: true });
  return path;
}

/** A new empty folder under `.rappel/tmp`; the caller removes it, or the next run once this process is gone. */
export function makeTempDir(prefix: string): string {
  sweep(dirname(inRappelDir('tmp', 'any')));
  const folder = mkdtempSync(inRappelDir('tmp', `${prefix}-${process.pid}-`));
  // A server that runs as another user has to pass.
  chmodSync(folder, 0o711);
  return folder;
}

/**
 * Makes a data folder, for this process alone until it ends; `emptied` deletes what an earlier run left in it.
 * Throws, naming the process, while another one holds it: two servers on the same files would spoil them.
 */
export function claimFolder(folder: string, { emptied = false } = {}): void {
  const holder = `${folder}.pid`;
  mkdirSync(dirname(folder), { recursive: true });
  if (existsSync(holder)) {
    const pid = Number(readFileSync(holder, 'utf8'));
    if (isAlive(pid)) throw new Error(`${folder} is in use by process ${pid}: stop that one first (should it have nothing to do with Rappel, delete ${holder}).`);
    rmSync(holder);
  }
  // Of two that start together, one fails here.
  writeFileSync(holder, String(process.pid), { flag: 'wx' });
  process.once('exit', () => rmSync(holder, { force: true }));
  if (emptied) rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
}

let swept = false;

/** Removes what killed processes left behind; their ids are in the folders' names. */
function sweep(folder: string): void {
  if (swept) return;
  swept = true;
  for (const name of readdirSync(folder)) {
    const pid = Number(/-(\d+)-[^-]{6}$/.exec(name)?.[1]);
    if (pid && !isAlive(pid)) rmSync(join(folder, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function findUp(from: string): string {
  if (existsSync(join(from, 'pnpm-workspace.yaml'))) return from;
  const parent = dirname(from);
  if (parent === from) throw new Error('the local stack runs inside a checkout of Rappel: no pnpm-workspace.yaml found above it');
  return findUp(parent);
}
