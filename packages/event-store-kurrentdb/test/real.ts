import { execFile, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createServer, connect, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

export interface RunningServer {
  readonly connectionString: string;
  restart(): Promise<void>;
  stop(): void | Promise<void>;
}

export interface RealServer {
  readonly name: string;
  readonly start: () => Promise<RunningServer>;
}

const IMAGE = process.env.KURRENTDB_IMAGE ?? 'kurrentplatform/kurrentdb:latest';
const docker = async (...args: string[]): Promise<string> => (await promisify(execFile)('docker', args)).stdout.trim();

/** The real servers within reach, and a line for each that is not. */
export function realServers(): { servers: RealServer[]; skipped: string[] } {
  const url = process.env.KURRENTDB_URL;
  const hasDocker = spawnSync('docker', ['info'], { timeout: 5000, stdio: 'ignore' }).status === 0;
  const servers: RealServer[] = [];
  const skipped: string[] = [];
  if (url) servers.push({ name: 'KurrentDB at KURRENTDB_URL', start: () => named(url) });
  else if (hasDocker) servers.push({ name: `KurrentDB, one node (${IMAGE})`, start: () => inContainers(1) });
  else skipped.push('a real KurrentDB node: neither KURRENTDB_URL nor Docker is there');
  if (hasDocker && process.platform === 'linux') servers.push({ name: `KurrentDB, three nodes (${IMAGE})`, start: () => inContainers(3) });
  else skipped.push('a KurrentDB cluster of three nodes: it needs Docker on Linux');
  return { servers, skipped };
}

/** Someone else's server cannot be taken away, but its connections can: one plaintext node is reached through a gate. */
async function named(connectionString: string): Promise<RunningServer> {
  const url = new URL(connectionString);
  const isPlain = /[?&]tls=false/i.test(connectionString) && !connectionString.includes('+discover') && !url.host.includes(',');
  if (!isPlain) {
    process.stderr.write('skipped: taking the server at KURRENTDB_URL away (only one node with tls=false can be reached through a gate)\n');
    return { connectionString, restart: async () => undefined, stop: () => undefined };
  }
  const gate = await openGate(url.hostname, Number(url.port || 2113));
  url.host = `127.0.0.1:${gate.port}`;
  return { connectionString: url.href, restart: gate.restart, stop: gate.stop };
}

async function openGate(host: string, port: number): Promise<{ port: number; restart: () => Promise<void>; stop: () => void }> {
  const sockets = new Set<Socket>();
  const open = (at: number): Promise<Server> => new Promise((resolve) => {
    const server = createServer((inner) => {
      const outer = connect(port, host);
      for (const socket of [inner, outer]) {
        sockets.add(socket);
        socket.on('error', () => undefined).on('close', () => { sockets.delete(socket); inner.destroy(); outer.destroy(); });
      }
      inner.pipe(outer).pipe(inner);
    }).listen(at, '127.0.0.1', () => resolve(server));
  });
  let server = await open(0);
  const own = (server.address() as { port: number }).port;
  const shut = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { port: own, stop: shut, restart: async () => { shut(); await sleep(300); server = await open(own); } };
}

/** Nodes on the host's network, so that the addresses they tell each other are those that the client reaches. */
async function inContainers(size: number): Promise<RunningServer> {
  const ports = await Promise.all(Array.from({ length: size * 2 }, freePort));
  const names = Array.from({ length: size }, () => `rappel-kurrentdb-${randomUUID().slice(0, 8)}`);
  for (const [i, name] of names.entries()) {
    const settings = {
      INSECURE: 'true', NODE_IP: '127.0.0.1', NODE_PORT: ports[i], REPLICATION_IP: '127.0.0.1', REPLICATION_PORT: ports[size + i],
      ...(size > 1 && { CLUSTER_SIZE: size, DISCOVER_VIA_DNS: 'false', GOSSIP_SEED: ports.slice(0, size).filter((_, other) => other !== i).map((port) => `127.0.0.1:${port}`).join(',') }),
    };
    await docker('run', '--detach', '--network', 'host', '--name', name, ...Object.entries(settings).flatMap(([key, value]) => ['--env', `KURRENTDB_${key}=${value}`]), IMAGE);
  }
  const healthy = async () => { for (const port of ports.slice(0, size)) await untilLive(port); };
  await healthy();
  return {
    connectionString: `kurrentdb://${ports.slice(0, size).map((port) => `127.0.0.1:${port}`).join(',')}?tls=false`,
    restart: async () => { await docker('restart', names[0]!); await healthy(); },
    stop: async () => { await docker('rm', '--force', '--volumes', ...names); },
  };
}

async function untilLive(port: number): Promise<void> {
  for (let tries = 0; tries < 120; tries++) {
    const response = await fetch(`http://127.0.0.1:${port}/health/live`).catch(() => undefined);
    if (response?.ok) return;
    await sleep(500);
  }
  throw new Error(`no KurrentDB answers on port ${port}`);
}

const freePort = (): Promise<number> => new Promise((resolve) => {
  const server = createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address() as { port: number };
    server.close(() => resolve(port));
  });
});
