export * from './config.ts';
export * from './tokens.ts';
export { delivering } from './providers.ts';
export { OccasionsController } from './occasions.controller.ts';
export { OperationsController } from './operations.controller.ts';
export { countRefused, type Registry } from './webhook-counts.ts';
