export { eventStoreContract, type Subject } from './contract.ts';
export { given } from './given.ts';
