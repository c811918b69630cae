import { eventStoreContract } from '@rappel/event-store/testing';
import { createKurrentEventStore } from '../src/index.ts';
import { startTestServer } from './server.ts';

eventStoreContract('KurrentDB adapter on the test server', async () => {
  const server = await startTestServer();
  const { connectionString } = server;
  const [store, other] = [createKurrentEventStore({ connectionString }), createKurrentEventStore({ connectionString })];
  return {
    store, other,
    restart: () => server.restart(),
    close: async () => {
      await Promise.all([store.close(), other.close()]);
      server.stop();
    },
  };
});
