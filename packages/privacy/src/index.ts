export * from './port.ts';
export * from './vault.ts';
export * from './sealing.ts';
export * from './mask.ts';
export * from './lookup.ts';
export { deadLetterSubject, sealingDeadLetters, type ByteSeal } from './dead-letters.ts';
export { parseMasterKeys } from './master-keys.ts';
export { PersonalDataTampered } from './seal.ts';
