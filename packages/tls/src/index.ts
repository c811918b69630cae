export * from './mail-server.ts';
export * from './settings.ts';
export * from './trouble.ts';
