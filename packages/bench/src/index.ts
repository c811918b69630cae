export { benchEventStore, type BenchRow } from './event-store.ts';
export { benchScheduler, runSchedulerBenchChild, type SchedulerBenchOptions } from './scheduler.ts';
