import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
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
