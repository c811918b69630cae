import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** Whom a server runs as; empty: as this process. */
export interface Account { uid?: number; gid?: number }

/** PostgreSQL refuses root, so root hands it to the owner of an existing cluster, else to `postgres`, else to `nobody`. */
export function serverAccount(cluster: string): Account {
  if (process.getuid?.() !== 0) return {};
  if (existsSync(cluster)) {
    const { uid, gid } = statSync(cluster);
    if (uid !== 0) return { uid, gid };
  }
  const accounts = readFileSync('/etc/passwd', 'utf8').split('\n').map((line) => line.split(':'));
  const account = accounts.find(([name]) => name === 'postgres') ?? accounts.find(([name]) => name === 'nobody');
  if (!account) throw new Error('PostgreSQL refuses to run as root and there is no user "postgres" or "nobody": run as an ordinary user');
  return { uid: Number(account[2]), gid: Number(account[3]) };
}

const setpriv = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => existsSync(path));

/**
 * How to run `words` as that account on that cluster. An account that cannot pass the folders above them (a checkout
 * under /root) keeps the one capability to do so; the securebit makes it hold for access(2) as well.
 */
export function asAccount({ uid, gid }: Account, cluster: string, [command = '', ...args]: string[]): { command: string; args: string[]; uid?: number; gid?: number } {
  if (uid === undefined) return { command, args };
  if (mayPass(dirname(command), uid) && mayPass(dirname(cluster), uid)) return { command, args, uid, gid };
  if (!setpriv) throw new Error(`user ${uid} cannot enter ${dirname(command)} or ${dirname(cluster)}, and setpriv (package util-linux) is missing: move the checkout or run as an ordinary user`);
  const keep = ['--securebits=+no_setuid_fixup', '--inh-caps=+dac_override', '--ambient-caps=+dac_override'];
  return { command: setpriv, args: [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', ...keep, command, ...args] };
}

function mayPass(folder: string, uid: number): boolean {
  const { mode, uid: owner } = statSync(folder);
  const allowed = (mode & (owner === uid ? 0o100 : 0o001)) !== 0;
  return allowed && (dirname(folder) === folder || mayPass(dirname(folder), uid));
}
