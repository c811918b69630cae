export * from './events.ts';
export * from './notification.ts';
export * from './decide.ts';
export * from './ids.ts';
export * from './backoff.ts';
export * from './error-classes.ts';
export * from './channel-policy.ts';
export * from './phone.ts';
