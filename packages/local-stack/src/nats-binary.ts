import { execFile } from 'node:child_process';
import { accessSync, chmodSync, constants, mkdirSync, renameSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { unpackDebian } from './debian.ts';
import { inRappelDir, makeTempDir } from './workspace.ts';

const run = promisify(execFile);
const oldest = [2, 10] as const;
const dockerImage = 'nats:2.10-alpine';

/** The path of a nats-server of at least 2.10: from the PATH, fetched before, fetched now; else an error that says what to install. */
export async function findNatsServer(): Promise<string> {
  const kept = inRappelDir('tools', 'nats', 'nats-server');
  for (const candidate of [...onPath('nats-server'), kept]) {
    if (await isRecent(candidate)) return candidate;
  }
  const reasons: string[] = [];
  for (const [source, fetch] of [['Debian package', fromDebian], ['Docker image', fromDocker]] as const) {
    const work = makeTempDir('nats-fetch');
    try {
      const fetched = await fetch(work);
      if (!await isRecent(fetched)) throw new Error('the fetched file does not run here');
      mkdirSync(inRappelDir('tools', 'nats'), { recursive: true });
      renameSync(fetched, kept);
      return kept;
    } catch (error) {
      reasons.push(`${source}: ${firstLine(error)}`);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  }
  throw new Error(`nats-server 2.10 or newer is missing and could not be fetched. Install it (Debian/Ubuntu: apt install nats-server; macOS: brew install nats-server; else https://nats.io/download) and run again. [${reasons.join('; ')}]`);
}

function onPath(name: string): string[] {
  const folders = [...(process.env.PATH ?? '').split(delimiter).filter(Boolean), '/usr/sbin', '/usr/local/sbin'];
  return [...new Set(folders)].map((folder) => join(folder, name)).filter(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function isRecent(path: string): Promise<boolean> {
  if (!isExecutable(path)) return false;
  const { stdout } = await run(path, ['--version']).catch(() => ({ stdout: '' }));
  const [, major, minor] = /v(\d+)\.(\d+)\./.exec(stdout) ?? [];
  return Number(major) > oldest[0] || (Number(major) === oldest[0] && Number(minor) >= oldest[1]);
}

// Debian 12's own package is too old: trixie's is taken (Debian 12's keyring holds trixie's keys).
async function fromDebian(work: string): Promise<string> {
  return join(await unpackDebian(work, { suite: 'trixie', packages: ['nats-server'] }), 'usr/sbin/nats-server');
}

async function fromDocker(work: string): Promise<string> {
  if (process.platform !== 'linux') throw new Error('its binary runs on Linux only');
  const { stdout } = await run('docker', ['create', dockerImage], { timeout: 180_000 });
  const target = join(work, 'nats-server');
  try {
    await run('docker', ['cp', `${stdout.trim()}:/usr/local/bin/nats-server`, target]);
  } finally {
    await run('docker', ['rm', '-f', stdout.trim()]).catch(() => undefined);
  }
  chmodSync(target, 0o755);
  return target;
}

function firstLine(error: unknown): string {
  const { stderr, message } = error as { stderr?: string; message?: string };
  return (stderr?.trim() || message || String(error)).split('\n').find((line) => !line.startsWith('W:')) ?? 'failed';
}
