import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { makeTempDir, startKurrentTestServer, workspaceRoot } from '@rappel/local-stack';
import { createKurrentEventStore } from '../src/index.ts';
import { realServers, type RealServer } from './real.ts';

const run = promisify(execFile);
const { servers, skipped } = realServers();
for (const line of skipped) process.stderr.write(`skipped: the demonstration on ${line}\n`);

const testServer: RealServer = {
  name: 'the test server, a process of its own',
  async start() {
    const folder = makeTempDir('kurrentdb');
    const { url, stop } = await startKurrentTestServer({ logFile: join(folder, 'log') });
    return {
      connectionString: url,
      restart: async () => { throw new Error('its log would be gone'); },
      stop: async () => { await stop(); rmSync(folder, { recursive: true, force: true }); },
    };
  },
};

async function holdsLoans(connectionString: string): Promise<boolean> {
  const store = createKurrentEventStore({ connectionString });
  const loans = await store.readAll({ categories: ['attribution'], limit: 1 });
  await store.close();
  return loans.length > 0;
}

/** All five services on it, one of them killed and NATS wiped half-way: relays and the log go by KurrentDB's checkpoints. */
describe('the whole system with its events in KurrentDB', () => {
  it.each([testServer, ...servers])('$name', async ({ name, start }) => {
    const server = await start();
    const data = makeTempDir('demo-kurrentdb');
    try {
      if (await holdsLoans(server.connectionString)) {
        process.stderr.write(`skipped: the demonstration on ${name}: it holds loans already\n`);
        return;
      }
      const { stdout } = await run(process.execPath, [join(workspaceRoot, 'dist/demo.mjs'), '--loans', '66', '--data', data, '--kill', 'email', '--wipe-nats'], {
        env: { ...process.env, NODE_OPTIONS: '', EVENT_STORE_URL: server.connectionString }, timeout: 400_000,
      });
      const checks = stdout.split('\n').filter((line) => /^[✓✗]/.test(line));
      expect(checks).toHaveLength(8);
      expect(checks.filter((line) => line.startsWith('✗'))).toEqual([]);
      expect(await holdsLoans(server.connectionString)).toBe(true);
    } finally {
      await server.stop();
      rmSync(data, { recursive: true, force: true });
    }
  }, 500_000);
});
