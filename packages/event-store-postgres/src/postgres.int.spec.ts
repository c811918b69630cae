import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { eventStoreContract } from '@rappel/event-store/testing';
import { startPostgres } from '@rappel/local-stack';
import { createPostgresEventStore } from './store.ts';

eventStoreContract('PostgreSQL', async () => {
  // A server of its own, since the suite takes it away.
  const dataDir = mkdtempSync(`${tmpdir()}/rappel-event-store-`);
  const server = await startPostgres({ dataDir, durable: false });
  const store = createPostgresEventStore({ connectionString: server.url });
  const other = createPostgresEventStore({ connectionString: server.url });
  return {
    store, other,
    restart: () => server.restart(),
    close: async () => {
      await Promise.all([store.close(), other.close()]);
      await server.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
});
