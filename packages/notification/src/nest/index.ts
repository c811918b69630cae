export * from './config.ts';
export * from './tokens.ts';
export { delivering } from './providers.ts';
export { OccasionsController } from './occasions.controller.ts';
export { OperationsController } from './operations.controller.ts';
export { createWebhookCounts, type Registry, type WebhookCounts } from './webhook-counts.ts';
