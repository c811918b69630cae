export * from './due.ts';
export * from './attribution.ts';
export * from './borrower.ts';
