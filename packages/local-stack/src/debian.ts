import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const debianKeys = '/usr/share/keyrings/debian-archive-keyring.gpg';
const debianMirror = process.env.RAPPEL_DEBIAN_MIRROR ?? 'http://deb.debian.org/debian';

/**
 * Unpacks packages of a Debian release (not what they depend on) below `work`; resolves to the folder that holds `usr`.
 * Through private lists: the system's apt stays as it is, root is not needed, and apt still verifies the signature.
 */
export async function unpackDebian(work: string, { suite, packages }: { suite: string; packages: readonly string[] }): Promise<string> {
  if (!existsSync(debianKeys)) throw new Error(`no ${debianKeys}`);
  for (const folder of ['state/lists/partial', 'cache/archives/partial']) mkdirSync(join(work, folder), { recursive: true });
  writeFileSync(join(work, 'status'), '');
  writeFileSync(join(work, 'sources.list'), `deb [signed-by=${debianKeys}] ${debianMirror} ${suite} main\n`);
  const settings = {
    'Dir::State': join(work, 'state'),
    'Dir::State::status': join(work, 'status'),
    'Dir::Cache': join(work, 'cache'),
    'Dir::Etc::SourceList': join(work, 'sources.list'),
    'Dir::Etc::SourceParts': '/dev/null',
    'Dir::Etc::Preferences': '/dev/null',
    'Dir::Etc::PreferencesParts': '/dev/null',
    'APT::Sandbox::User': process.getuid?.() === 0 ? 'root' : '',
    'APT::Update::Error-Mode': 'any',
    'Acquire::Languages': 'none',
    'Acquire::Retries': '3',
    'Acquire::AllowInsecureRepositories': 'false',
  };
  const options = Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  const env = { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' };
  await run('apt-get', ['-qq', ...options, 'update'], { env, cwd: work, timeout: 180_000 });
  await run('apt-get', ['-qq', ...options, 'download', ...packages], { env, cwd: work, timeout: 180_000 });
  const debs = readdirSync(work).filter((name) => name.endsWith('.deb'));
  if (debs.length < packages.length) throw new Error('apt-get download brought too little');
  for (const deb of debs) await run('dpkg-deb', ['-x', deb, 'unpacked'], { cwd: work });
  return join(work, 'unpacked');
}
