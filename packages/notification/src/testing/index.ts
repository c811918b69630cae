export * from './memory-waiting.ts';
