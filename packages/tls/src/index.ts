export * from './mail-server.ts';
export * from './trouble.ts';
