import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startKurrentTestServer, type KurrentTestServer } from './kurrentdb.ts';
import { startInbox, type Inbox, type InboxOptions } from './inbox/inbox.ts';
import { startNats, type NatsOptions, type NatsServer } from './nats.ts';
import { natsUsers, type NatsUsers } from './nats-users.ts';
import { createDatabase, startPostgres, type PostgresOptions, type PostgresServer } from './postgres.ts';
import { startServiceProcess, type Service, type ServiceOptions } from './service.ts';
import { startTwilioSimulator, type TwilioSimulator, type TwilioSimulatorOptions } from './twilio/simulator.ts';
import { makeTempDir } from './workspace.ts';

export interface StackOptions {
  /** Holds all data, the master key and the logs, and is kept. Default: a temporary folder that goes away with the stack. */
  dataDir?: string;
  /** Default `<dataDir>/logs`. */
  logDir?: string;
  /** False leaves a server out; then its variables are for `env` to give. Default: all of them, with their own defaults. */
  postgres?: Partial<PostgresOptions> | false;
  nats?: Partial<NatsOptions> | false;
  inbox?: InboxOptions | false;
  twilio?: TwilioSimulatorOptions | false;
  /** Name of the database that the services share. Default `rappel`. */
  database?: string;
  /** Variables for all services, over the stack's own. */
  env?: Record<string, string>;
}

/** Null where a server was left out. */
export interface Stack {
  readonly postgres: PostgresServer | null;
  readonly nats: NatsServer | null;
  readonly inbox: Inbox | null;
  readonly twilio: TwilioSimulator | null;
  /** What a service needs to find all of it. */
  readonly env: Record<string, string>;
  readonly logDir: string;
  /** Login of a service, of `operator` or of `upstream` on the stack's NATS. */
  natsLogin: NatsUsers['login'];
  /** Every service started so far, running or not. */
  readonly services: readonly Service[];
  /** Runs a built service against this stack; ready when it resolves. */
  startService(name: string, options?: ServiceOptions): Promise<Service>;
  /** Services first, then servers; removes a temporary folder. Idempotent. */
  stop(): Promise<void>;
}

/** Starts the servers side by side and says how services reach them. Everything ends with this process, even when it is killed. */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const dataDir = options.dataDir ?? makeTempDir('stack');
  const logDir = options.logDir ?? join(dataDir, 'logs');
  for (const folder of [dataDir, logDir]) mkdirSync(folder, { recursive: true });
  const services: Service[] = [];
  const users = natsUsers(join(dataDir, 'nats-users.json'));
  const { stop: stopServers, kurrent, ...servers } = await startServers(options, { dataDir, logDir, users });
  const starting = new Set<Promise<Service>>();
  let stopping = false;
  const stop = async () => {
    stopping = true;
    await Promise.allSettled(starting);
    await Promise.allSettled(services.map((service) => service.stop()));
    await stopServers();
    if (!options.dataDir) rmSync(dataDir, { recursive: true, force: true });
  };
  try {
    const env = {
      RAPPEL_MASTER_KEY: keptKey(join(dataDir, 'master.key')),
      ...await databaseEnv(servers.postgres, options.database ?? 'rappel'),
      ...(kurrent && { EVENT_STORE_URL: kurrent.url }),
      ...providerEnv(servers),
      ...options.env,
    };
    return {
      ...servers, env, logDir, natsLogin: users.login, services, stop,
      startService: async (name, serviceOptions = {}) => {
        const login = servers.nats ? users.environment(name) : {};
        const launch = startServiceProcess(name, { ...login, ...env }, { ...serviceOptions, logDir, gaveUp: () => (stopping ? 'the stack is stopping' : undefined) });
        starting.add(launch);
        try {
          const service = await launch;
          services.push(service);
          return service;
        } finally {
          starting.delete(launch);
        }
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

type Servers = Pick<Stack, 'postgres' | 'nats' | 'inbox' | 'twilio' | 'stop'> & { readonly kurrent: KurrentTestServer | null };

async function startServers(options: StackOptions, { dataDir, logDir, users }: { dataDir: string; logDir: string; users: NatsUsers }): Promise<Servers> {
  const stops: (() => Promise<void>)[] = [];
  const stop = async () => { await Promise.allSettled(stops.map((stopOne) => stopOne())); };
  const start = async <O, S extends { stop(): Promise<void> }>(wanted: O | false | undefined, open: (options: Partial<O>) => Promise<S>): Promise<S | null> => {
    if (wanted === false) return null;
    const server = await open(wanted ?? {});
    stops.push(server.stop);
    return server;
  };
  const starting = [
    start(options.postgres, (own) => startPostgres({ dataDir: join(dataDir, 'postgres'), logFile: join(logDir, 'postgres.log'), ...own })),
    start(options.nats, (own) => startNats({ storeDir: join(dataDir, 'nats'), logFile: join(logDir, 'nats.log'), configFile: users.configFile, configEnv: users.configEnv, storeKey: keptKey(join(dataDir, 'nats-store.key')), ...own })),
    start(options.inbox, startInbox),
    start(options.twilio, startTwilioSimulator),
    // For the tests: every stack's events on a KurrentDB test server of its own.
    start<object, KurrentTestServer>(process.env.RAPPEL_TEST_EVENT_STORE === 'kurrentdb' ? {} : false, () => startKurrentTestServer({ logFile: join(logDir, 'kurrentdb.log') })),
  ] as const;
  // All have settled before anything is given up, so that nothing starts after the stop.
  await Promise.allSettled(starting);
  try {
    const [postgres, nats, inbox, twilio, kurrent] = await Promise.all(starting);
    return { postgres, nats, inbox, twilio, kurrent, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function databaseEnv(postgres: PostgresServer | null, name: string): Promise<Record<string, string>> {
  if (!postgres) return {};
  const url = await createDatabase(postgres.url, name);
  return { DATABASE_URL: url, EVENT_STORE_URL: url };
}

function providerEnv({ nats, inbox, twilio }: Pick<Stack, 'nats' | 'inbox' | 'twilio'>): Record<string, string> {
  return {
    ...(nats && { NATS_URL: nats.url }),
    ...(inbox && { SMTP_HOST: inbox.smtpHost, SMTP_PORT: String(inbox.smtpPort), SMTP_FROM: 'Rappel <rappel@example.org>' }),
    ...(twilio && { TWILIO_BASE_URL: twilio.url, TWILIO_ACCOUNT_SID: twilio.accountSid, TWILIO_AUTH_TOKEN: twilio.authToken, TWILIO_WHATSAPP_FROM: 'whatsapp:+14155238886' }),
  };
}

/** Made once: whoever loses it loses everything that was encrypted with it. */
function keptKey(file: string): string {
  if (existsSync(file)) return readFileSync(file, 'utf8').trim();
  const key = randomBytes(32).toString('base64');
  writeFileSync(file, `${key}\n`, { mode: 0o600 });
  return key;
}
