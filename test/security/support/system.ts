import { randomBytes } from 'node:crypto';
import { createApiKey, scopes, type Scope } from '@rappel/auth';
import { startStack, until as comesAbout, type Service, type Stack } from '@rappel/local-stack';
import { connectBus } from '@rappel/messaging';
import { createPool, type Pool } from '@rappel/postgres';
import { baseConfig, busOptions, parseConfig } from '@rappel/service-kit';
import type { SecuredNats, User } from './secured.ts';

export const services = ['loan', 'scheduler', 'email', 'whatsapp', 'notification-log'] as const;
export type ServiceName = (typeof services)[number];
export type Bus = Awaited<ReturnType<typeof connectBus>>;

/** All five services as processes on real servers, an API key per scope, and upstream's connection to the bus. */
export interface System {
  readonly stack: Stack;
  readonly pool: Pool;
  readonly upstream: Bus;
  /** A connection to the bus under another user; the caller closes it. */
  connect(user: User): Promise<Bus>;
  readonly urls: Readonly<Record<ServiceName, string>>;
  /** One key for each scope alone. */
  readonly tokens: Readonly<Record<Scope, string>>;
  /** A key with every scope. */
  readonly all: string;
  /** How NATS is secured, where it is by TLS and nkeys. */
  readonly nats?: SecuredNats;
  /** As the services have it; a rotation changes it. */
  masterKey: string;
  /** Another instance of a service, for which so many days have passed. The caller stops it. */
  later(name: ServiceName, days: number): Promise<Service>;
  stop(): Promise<void>;
}

export interface SystemOptions {
  /** For every service, over the stack's own. */
  readonly env?: Record<string, string>;
  /** TLS and nkeys instead of plain connections and passwords. */
  readonly nats?: SecuredNats;
}

export async function startSystem({ env = {}, nats }: SystemOptions = {}): Promise<System> {
  const stack = await startStack({
    ...(process.env['SECURITY_DIR'] && { dataDir: process.env['SECURITY_DIR'] }),
    postgres: { durable: false }, nats: { durable: false, ...nats?.options }, env: { RAPPEL_RATE_LIMIT: '0', LOG_LEVEL: 'debug', ...env },
  });
  const login = (user: User) => (nats ? connectionOf(user, { NATS_URL: stack.nats!.url, ...nats.environment(user) }) : { servers: stack.nats!.url, name: user, ...stack.natsLogin(user) });
  const connect = (user: User) => connectBus(login(user));
  try {
    const running = await Promise.all(services.map(async (name) => [name, (await stack.startService(name, { patienceMs: 120_000, ...(nats && { env: nats.environment(name) }) })).url] as const));
    const pool = createPool(stack.env['DATABASE_URL']!);
    const tokens = Object.fromEntries(await Promise.all(scopes.map(async (scope) => [scope, (await createApiKey(pool, { name: scope.replace(':', '-'), scopes: [scope] })).token]))) as Record<Scope, string>;
    const { token: all } = await createApiKey(pool, { name: 'all', scopes });
    const upstream = await connect('upstream');
    const system: System = {
      stack, pool, upstream, connect, urls: Object.fromEntries(running) as System['urls'], tokens, all, ...(nats && { nats }), masterKey: stack.env['RAPPEL_MASTER_KEY']!,
      later: (name, days) => stack.startService(name, {
        instance: 2, patienceMs: 120_000,
        env: { ...nats?.environment(name), RAPPEL_MASTER_KEY: system.masterKey, RAPPEL_CLOCK: `${new Date(Date.now() + days * 86_400_000).toISOString()}@${new Date().toISOString()}*1` },
      }),
      stop,
    };
    return system;
    async function stop(): Promise<void> {
      await upstream.close();
      await pool.end();
      await stack.stop();
    }
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

/** How a service connects that has this environment. */
const connectionOf = (name: string, env: Record<string, string>) =>
  busOptions(name, parseConfig(baseConfig, { DATABASE_URL: 'postgres://rappel@localhost/rappel', RAPPEL_MASTER_KEY: randomBytes(32).toString('base64'), ...env }));

export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
}

export interface Call {
  readonly token?: string;
  readonly body?: string;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A connection that the server closed for being idle is tried again; any other failure is the caller's to judge. */
async function send(url: string, options: RequestInit): Promise<Response> {
  try {
    return await fetch(url, options);
  } catch (error) {
    if ((error as { cause?: { code?: string } }).cause?.code !== 'UND_ERR_SOCKET') throw error;
    return fetch(url, options);
  }
}

export async function call(url: string, method: string, { token, body, type = 'application/json', headers = {} }: Call = {}): Promise<Answer> {
  const answer = await send(url, {
    method: method.toUpperCase(), redirect: 'manual',
    headers: { ...(token && { authorization: `Bearer ${token}` }), ...(body !== undefined && { 'content-type': type }), ...headers },
    ...(body !== undefined && { body }),
  });
  return { status: answer.status, text: await textOf(answer), headers: answer.headers };
}

/** A live feed never ends by itself: that it began is all there is to know. */
async function textOf(answer: Response): Promise<string> {
  if (!answer.headers.get('content-type')?.startsWith('text/event-stream')) return answer.text();
  await answer.body?.cancel();
  return '';
}

export const until = <T>(what: string, check: () => T | Promise<T>, patienceMs = 90_000): Promise<NonNullable<T>> =>
  comesAbout(what, async () => (await check() || undefined) as NonNullable<T> | undefined, { patienceMs });
