import { fork, type ChildProcess } from 'node:child_process';

/** Sends a message to the process that started this one. */
export type Tell = (message: object) => void;
export type ChildRole = (tell: Tell) => Promise<void>;

const ROLE = 'RAPPEL_BENCH_CHILD';

/** This program again, in another role. Ends with this process. */
export function startChild(role: string, env: Record<string, string> = {}, execArgv: string[] = []): ChildProcess {
  return fork(process.argv[1]!, [], { env: { ...process.env, ...env, [ROLE]: role }, execArgv });
}

/** True when this process was started by `startChild` for one of `roles`; it then works until its parent ends. */
export async function runAsChild(roles: Readonly<Record<string, ChildRole>>): Promise<boolean> {
  const role = roles[process.env[ROLE] ?? ''];
  if (!role) return false;
  process.on('disconnect', () => process.exit());
  process.on('SIGTERM', () => process.exit());
  await role((message) => { process.send?.(message); });
  return true;
}
