import { SMTPServer } from 'smtp-server';
import { startChild, type ChildRole } from './child.ts';

/** An SMTP server in a process of its own that takes everything, counts, and notes when. The same for whoever sends. */
export interface Sink {
  readonly port: number;
  readonly pid: number;
  /** Mails accepted so far. */
  count(): number;
  /** When each numbered recipient's mail was accepted, in ms of the machine's monotonic clock. Forgets them. */
  takeTimes(): Promise<Map<number, number>>;
  stop(): void;
}

/** The recipient whose acceptance is noted under `n`. */
export const recipient = (n: number): string => `r${n}@bench.example`;

/** Of the machine, not of the process: comparable between processes. */
export const monotonicMs = (): number => Number(process.hrtime.bigint() / 1000n) / 1000;

interface FromSink { port?: number; count?: number; times?: [number, number][] }

export async function startSink(): Promise<Sink> {
  const child = startChild('sink');
  let count = 0;
  let gotTimes: (times: [number, number][]) => void = () => {};
  let gotPort: (port: number) => void = () => {};
  const listening = new Promise<number>((resolve) => { gotPort = resolve; });
  child.on('message', (message: FromSink) => {
    count = message.count ?? count;
    if (message.port) gotPort(message.port);
    if (message.times) gotTimes(message.times);
  });
  const port = await listening;
  return {
    port, pid: child.pid!,
    count: () => count,
    takeTimes: () => new Promise((resolve) => {
      gotTimes = (times) => resolve(new Map(times));
      child.send('times');
    }),
    stop: () => { child.kill(); },
  };
}

export const runSink: ChildRole = async (tell) => {
  let count = 0;
  let told = 0;
  let times: [number, number][] = [];
  const server = new SMTPServer({
    authOptional: true, disabledCommands: ['STARTTLS'], disableReverseLookup: true, hideENHANCEDSTATUSCODES: true, logger: false,
    socketTimeout: 10 * 60_000, maxAllowedUnauthenticatedCommands: false,
    onData: (stream, session, done) => {
      stream.resume().once('end', () => {
        count++;
        const n = Number(/^r(\d+)@/.exec(session.envelope.rcptTo[0]?.address ?? '')?.[1]);
        if (!Number.isNaN(n)) times.push([n, monotonicMs()]);
        done(null);
      });
    },
  });
  server.on('error', () => {});
  process.on('message', () => {
    tell({ times, count });
    times = [];
  });
  setInterval(() => {
    if (count !== told) tell({ count });
    told = count;
  }, 5);
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  tell({ port: (server.server.address() as { port: number }).port });
};
