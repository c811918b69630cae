export * from './row.ts';
export * from './follow.ts';
export * from './rebuild.ts';
export * from './checksum.ts';
export { prepareLog, PROJECTION } from './schema.ts';
export * from './verify.ts';
