import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from '@jest/globals';
import { startTestServer, type TestServer } from '../../packages/event-store-kurrentdb/test/server.ts';
import { forget } from './forget.ts';
import { retention } from './retention.ts';
import { rotate } from './rotate.ts';
import { securedNats } from './support/secured.ts';
import { startSystem, type System } from './support/system.ts';

// The other event store, and the other way to secure NATS: TLS with client certificates, users by nkey.
const folder = mkdtempSync(join(tmpdir(), 'rappel-secured-'));
let server: TestServer;
let system: System;
beforeAll(async () => {
  server = await startTestServer();
  system = await startSystem({ env: { EVENT_STORE_URL: server.connectionString }, nats: await securedNats(folder) });
}, 300_000);
afterAll(async () => {
  await system?.stop();
  server?.stop();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

forget('KurrentDB', () => system);
// Who was forgotten there has come back.
rotate(() => system, 'b-forget-1');
retention('KurrentDB', () => system);
