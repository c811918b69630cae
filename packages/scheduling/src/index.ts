export * from './policy.ts';
export * from './policies.ts';
export * from './rung.ts';
export { livingZone, plan, type ExplainedRung, type PlanInput } from './plan.ts';
export type { Schedule } from './schedule.ts';
export { previewLoan, type Preview } from './preview.ts';
export { scheduleStream, type ScheduleEvent } from './events.ts';
export { prepareSchedules } from './rebuild.ts';
export { createScheduler, type Scheduler, type SchedulerOptions } from './scheduler.ts';
