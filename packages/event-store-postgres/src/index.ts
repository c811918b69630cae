export { createPostgresEventStore, type PostgresEventStoreOptions } from './store.ts';
export type { Wake } from './tail.ts';
