export * from './port.ts';
export { busRefusal, connectBus, type BusOptions } from './connect.ts';
export { readEnvelope, shown, writeEnvelope, type Headers, type Read } from './envelope.ts';
export { createStrategy, type ConsumerOptions, type Strategy, type StrategyOptions } from './strategy.ts';
export { passErrors } from './pass-errors.ts';
export { createRelay, type Relay, type RelayOptions, type RelayStats } from './relay.ts';
export { standingOf, type Standing } from './standing.ts';
export { createLease, type HeldLease, type Lease } from './lease.ts';
export {
  createDeadLetters, DeadLetterClosed, isDeadLetterClosed, type DeadLetterAudit, type DeadLetterDetail, type DeadLetterOptions, type DeadLetters,
  type DeadLetterStatus, type DeadLetterSummary, type Decision,
} from './dead-letters.ts';
export { migrateMessaging } from './migrations.ts';
