export { benchEventStore, type BenchRow } from './event-store.ts';
