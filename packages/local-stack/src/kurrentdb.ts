import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { spawnChild, stopChild } from './child.ts';
import { until } from './port.ts';
import { workspaceRoot } from './workspace.ts';

export interface KurrentTestServer {
  /** `kurrentdb://…` */
  readonly url: string;
  stop(): Promise<void>;
}

/** The test-only server that speaks KurrentDB's protocol, as a process of its own. Its events are gone when it ends. */
export async function startKurrentTestServer({ logFile }: { logFile: string }): Promise<KurrentTestServer> {
  const script = join(workspaceRoot, 'scripts/kurrentdb-test-server.mjs');
  const child = spawnChild({ command: process.execPath, args: [script], logFile });
  const log = () => (existsSync(logFile) ? readFileSync(logFile, 'utf8') : '');
  const url = await until('the KurrentDB test server', async () => /^kurrentdb:.*$/m.exec(log())?.[0], { gaveUp: () => (child.running() ? undefined : log().slice(-500)) });
  return { url, stop: () => stopChild(child, 'SIGTERM') };
}
