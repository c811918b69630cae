import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { unpackDebian } from './debian.ts';
import { inRappelDir, makeTempDir } from './workspace.ts';

const run = promisify(execFile);

export interface Wanted {
  /** Debian's packages: the program's, and those of its libraries that a small system lacks. */
  readonly packages: readonly string[];
  /** The program within them, e.g. `usr/bin/redis-server`. */
  readonly path: string;
  /** Finds the version in what `--version` prints, as its first group. */
  readonly version: RegExp;
}

export interface Program {
  readonly command: string;
  readonly env: NodeJS.ProcessEnv;
  readonly version: string;
}

/** A program of the PATH, else out of Debian's packages, kept under `.rappel/tools/<name>`. Rejects with why there is none. */
export async function findProgram(wanted: Wanted): Promise<Program> {
  const name = basename(wanted.path);
  const kept = inRappelDir('tools', name);
  const found = await usable(name, process.env, wanted) ?? await usable(join(kept, wanted.path), withLibraries(kept), wanted);
  if (found) return found;
  await unpack(kept, wanted.packages).catch((error: { stderr?: string; message: string }) => {
    const [why] = (error.stderr?.trim() || error.message).split('\n');
    throw new Error(`no ${name} in the PATH, and none from Debian (${why})`, { cause: error });
  });
  const fetched = await usable(join(kept, wanted.path), withLibraries(kept), wanted);
  if (!fetched) throw new Error(`no ${name} in the PATH, and the one of Debian does not run here`);
  return fetched;
}

async function unpack(kept: string, packages: readonly string[]): Promise<void> {
  if (!existsSync('/etc/os-release')) throw new Error('this is no Debian');
  const suite = /^VERSION_CODENAME=(\w+)$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'bookworm';
  const work = makeTempDir(`${basename(kept)}-fetch`);
  try {
    const unpacked = await unpackDebian(work, { suite, packages });
    rmSync(kept, { recursive: true, force: true });
    mkdirSync(join(kept, '..'), { recursive: true });
    renameSync(unpacked, kept);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

const withLibraries = (root: string): NodeJS.ProcessEnv => ({
  ...process.env,
  LD_LIBRARY_PATH: ['x86_64', 'aarch64'].map((arch) => join(root, `usr/lib/${arch}-linux-gnu`)).join(':'),
});

async function usable(command: string, env: NodeJS.ProcessEnv, wanted: Wanted): Promise<Program | undefined> {
  const { stdout } = await run(command, ['--version'], { env }).catch(() => ({ stdout: '' }));
  const version = wanted.version.exec(stdout)?.[1];
  return version ? { command, env, version } : undefined;
}
