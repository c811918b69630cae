import { parseArgs } from 'node:util';
import { startTestServer } from './server.ts';

// The test server as a process of its own: the first line of output is its connection string. Its log is gone when it ends.
const { values } = parseArgs({ options: { port: { type: 'string', default: '0' }, version: { type: 'string', default: '25.1.0' } } });
const server = await startTestServer({ port: Number(values.port), version: values.version });
console.log(server.connectionString);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(0));
