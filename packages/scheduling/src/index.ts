export * from './policy.ts';
export * from './policies.ts';
export * from './rung.ts';
export * from './plan.ts';
export * from './schedule.ts';
export * from './wake.ts';
export * from './events.ts';
export * from './scheduler.ts';
export { migrations } from './migrations.ts';
