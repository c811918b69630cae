import { rmSync } from 'node:fs';
import { startNats } from '../nats.ts';
import { startPostgres } from '../postgres.ts';
import { makeTempDir } from '../workspace.ts';

declare global {
  var stopTestServers: (() => Promise<void>) | undefined;
}

/** One PostgreSQL and one NATS for all int specs of this jest run, on random ports, in a folder that goes away with them. */
export default async function setUp(): Promise<void> {
  if (globalThis.stopTestServers) return;
  const folder = makeTempDir('jest');
  const stops: (() => Promise<void>)[] = [];
  globalThis.stopTestServers = async () => {
    await Promise.allSettled(stops.map((stop) => stop()));
    rmSync(folder, { recursive: true, force: true });
  };
  const [postgres, nats] = await Promise.allSettled([
    startPostgres({ dataDir: `${folder}/postgres`, durable: false }).then((server) => { stops.push(server.stop); return server; }),
    startNats({ storeDir: `${folder}/nats`, durable: false }).then((server) => { stops.push(server.stop); return server; }),
  ]);
  if (postgres.status === 'rejected' || nats.status === 'rejected') {
    await globalThis.stopTestServers();
    throw postgres.status === 'rejected' ? postgres.reason : (nats as PromiseRejectedResult).reason;
  }
  process.env.TEST_POSTGRES_URL = postgres.value.url;
  process.env.TEST_NATS_URL = nats.value.url;
}
