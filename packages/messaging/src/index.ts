export * from './port.ts';
export { connectBus, type BusOptions } from './connect.ts';
export { readEnvelope, writeEnvelope, type Headers, type Read } from './envelope.ts';
export { createStrategy, type ConsumerOptions, type Strategy, type StrategyOptions } from './strategy.ts';
export { passErrors } from './pass-errors.ts';
