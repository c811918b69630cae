import { connect, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

const host = '127.0.0.1';

/** `preferred` if it is free, else a port that is free now and below the range that outgoing connections draw from, so a restarted server finds it free again. */
export async function freePort(preferred?: number): Promise<number> {
  if (preferred !== undefined && await canListen(preferred)) return preferred;
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const port = 18_000 + Math.floor(Math.random() * 14_000);
    if (await canListen(port)) return port;
  }
  throw new Error('no free port between 18000 and 32000');
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** The first line a server says on connecting, or undefined when nobody answers within a second. */
export function greeting(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ port, host });
    const done = (line?: string) => { socket.destroy(); resolve(line); };
    socket.setTimeout(1000, () => done());
    socket.once('error', () => done());
    socket.once('data', (data) => done(data.toString('utf8')));
  });
}

/**
 * Polls `check` until it returns a value other than undefined. Gives up after `patienceMs` (default 30 s),
 * or as soon as `gaveUp` says why there is no use in waiting; `tooLate` says what was missing.
 */
export async function until<T>(what: string, check: () => Promise<T | undefined>, options: { patienceMs?: number; gaveUp?: () => string | undefined; tooLate?: () => string } = {}): Promise<T> {
  const { patienceMs = 30_000, tooLate = () => 'no answer in time' } = options;
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const value = await check();
    if (value !== undefined) return value;
    const reason = options.gaveUp?.() ?? (performance.now() > deadline ? tooLate() : undefined);
    if (reason) throw new Error(`${what}: ${reason}`);
    await delay(20);
  }
}
