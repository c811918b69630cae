import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** The only way from the services to a server, so that it can be cut. */
export interface Line {
  readonly port: number;
  /** Resets every connection; new ones are welcome. */
  cut(): void;
  /** Nothing passes, in either direction, and nobody is told. */
  freeze(): void;
  thaw(): void;
  stop(): Promise<void>;
}

/** Passes bytes on to `port` of this machine. */
export async function openLine(port: number): Promise<Line> {
  const pairs = new Set<readonly [Socket, Socket]>();
  let isFrozen = false;
  const server = createServer((near) => {
    const far = connect({ port, host: '127.0.0.1' });
    const pair = [near, far] as const;
    pairs.add(pair);
    join(near, far, () => pairs.delete(pair));
    if (isFrozen) hold(pair);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const cut = (): void => { for (const pair of pairs) for (const socket of pair) socket.resetAndDestroy(); };
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    freeze: () => { isFrozen = true; for (const pair of pairs) hold(pair); },
    thaw: () => { isFrozen = false; for (const pair of pairs) for (const socket of pair) socket.resume(); },
    stop: async () => {
      const closed = new Promise<void>((resolve) => { server.close(() => resolve()); });
      cut();
      await closed;
    },
  };
}

const hold = (pair: readonly Socket[]): void => { for (const socket of pair) socket.pause(); };

function join(near: Socket, far: Socket, gone: () => void): void {
  for (const [one, other] of [[near, far], [far, near]] as const) {
    one.setNoDelay(true);
    one.on('error', () => undefined);
    one.on('data', (bytes) => { if (!other.write(bytes)) one.pause(); });
    other.on('drain', () => one.resume());
    one.once('end', () => other.end());
    one.once('close', () => { gone(); other.destroy(); });
  }
}
