import { createInMemoryEventStore } from './memory.ts';
import { eventStoreContract } from './testing/index.ts';

eventStoreContract('in memory', async () => {
  const store = createInMemoryEventStore();
  return { store, other: store, restart: async () => undefined, close: () => store.close() };
});
