import { readFileSync } from 'node:fs';
import { credsAuthenticator, nkeyAuthenticator, type Authenticator, type NatsConnection } from '@nats-io/nats-core';
import { connect, type NodeConnectionOptions } from '@nats-io/transport-node';
import { silent, type Log } from './port.ts';

export interface BusOptions {
  /** One or several `nats://host:port`, comma-separated or as a list; one `tls://` or `tls` given = TLS or nothing, else as the server asks. A user and password in the address are used. */
  readonly servers: string | readonly string[];
  /** Shown in the server's connection list. */
  readonly name: string;
  readonly user?: string;
  readonly pass?: string;
  readonly token?: string;
  /** File with a user's JWT and seed (`.creds`), read again at every connection so that it can be rotated. */
  readonly credentialsFile?: string;
  /** Seed of an nkey (`SU…`). */
  readonly nkeySeed?: string;
  /** Where answers to this client come back: the only inbox its permissions let it read. Default `_INBOX_<user>`, without a user `_INBOX`. */
  readonly inboxPrefix?: string;
  readonly tls?: NodeConnectionOptions['tls'];
  /** Default: says nothing. */
  readonly log?: Log;
}

/**
 * Connects to NATS and stays connected: waits for the first server as well, reconnects for ever (also after a refused login,
 * so that a rotated password needs no restart), and says in the log what happens. Close it with `drain()`.
 */
export async function connectBus({ log = silent, ...options }: BusOptions): Promise<NatsConnection> {
  const bus = await connect({
    ...lineTo(options),
    waitOnFirstConnect: true,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    reconnectJitter: 250,
    ignoreAuthErrorAbort: true,
    pingInterval: 20_000,
    maxPingOut: 2,
    noAsyncTraces: true,
  });
  log.info({ server: bus.getServer() }, 'connected to NATS');
  void follow(bus, log, () => busRefusal(options));
  return bus;
}

/** Tries once to connect, as `connectBus` does without end and without a word: why it fails, undefined = it does not. */
export async function busRefusal(options: BusOptions): Promise<Error | undefined> {
  try {
    await (await connect({ ...lineTo(options), reconnect: false, timeout: 5000, noAsyncTraces: true })).close();
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

function lineTo(options: BusOptions): NodeConnectionOptions {
  const servers = addresses(options.servers);
  const identity = { ...servers.find(({ user }) => user), ...defined(options) };
  const inboxPrefix = options.inboxPrefix ?? (identity.user && `_INBOX_${identity.user}`);
  // The library takes `tls://` for a name: who takes TLS out of what the server says would be told the password.
  const tls = options.tls ?? (servers.some(({ address }) => address.startsWith('tls://')) ? {} : undefined);
  return { name: options.name, servers: servers.map(({ address }) => address), ...login(identity), ...(inboxPrefix && { inboxPrefix }), ...(tls && { tls }) };
}

const defined = <T extends object>(options: T): Partial<T> => Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>;

function addresses(servers: string | readonly string[]): { address: string; user?: string; pass?: string }[] {
  const list = typeof servers === 'string' ? servers.split(',') : servers;
  return list.map((server) => {
    const url = new URL(server.includes('://') ? server.trim() : `nats://${server.trim()}`);
    const credentials = url.username ? { user: decodeURIComponent(url.username), pass: decodeURIComponent(url.password) } : {};
    url.username = '';
    url.password = '';
    return { address: url.toString().replace(/\/$/, ''), ...credentials };
  });
}

function login({ user, pass, token, credentialsFile, nkeySeed }: Partial<BusOptions>): Partial<NodeConnectionOptions> {
  const authenticator: Authenticator[] = [];
  if (credentialsFile) authenticator.push((nonce) => credsAuthenticator(readFileSync(credentialsFile))(nonce));
  if (nkeySeed) authenticator.push(nkeyAuthenticator(new TextEncoder().encode(nkeySeed)));
  return {
    ...(user && { user, pass: pass ?? '' }),
    ...(token && { token }),
    ...(authenticator.length > 0 && { authenticator }),
  };
}

async function follow(bus: NatsConnection, log: Log, why: () => Promise<Error | undefined>): Promise<void> {
  let tries = 0;
  for await (const status of bus.status()) {
    if (status.type === 'disconnect') log.warn({ server: status.server }, 'lost the connection to NATS');
    // One line at the first try and then every fortieth (about every fifteen seconds).
    else if (status.type === 'reconnecting' && tries++ % 40 === 0) void why().then((reason) => log.warn({ reason: reason?.message }, 'connecting to NATS again'));
    else if (status.type === 'reconnect') {
      tries = 0;
      log.info({ server: status.server }, 'connected to NATS again');
    } else if (status.type === 'error') log.error({ err: status.error }, 'NATS refused something');
    else if (status.type === 'slowConsumer') log.warn({ pending: status.pending }, 'slow consumer');
  }
}
