export * from './row.ts';
export * from './follow.ts';
export * from './rebuild.ts';
export * from './verify.ts';
export * from './checksum.ts';
export * from './find.ts';
export * from './statistics.ts';
export * from './state.ts';
export { prepareLog, PROJECTION } from './schema.ts';
