export * from './fake-provider.ts';
export * from './memory-waiting.ts';
export * from './scene.ts';
