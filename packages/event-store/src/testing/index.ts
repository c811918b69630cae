export { eventStoreContract } from './contract.ts';
export { given } from './given.ts';
