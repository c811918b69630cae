import { eventStoreContract } from '@rappel/event-store/testing';
import { createKurrentEventStore } from '../src/index.ts';
import { realServers, type RunningServer } from './real.ts';
import { startTestServer } from './server.ts';

const subjectOn = (start: () => Promise<RunningServer>) => async () => {
  const server = await start();
  const { connectionString } = server;
  const [store, other] = [createKurrentEventStore({ connectionString }), createKurrentEventStore({ connectionString })];
  return {
    store, other,
    restart: () => server.restart(),
    close: async () => {
      await Promise.all([store.close(), other.close()]);
      await server.stop();
    },
  };
};

eventStoreContract('KurrentDB adapter on the test server', subjectOn(() => startTestServer()));

const { servers, skipped } = realServers();
for (const { name, start } of servers) eventStoreContract(name, subjectOn(start));
for (const line of skipped) process.stderr.write(`skipped: ${line}\n`);
