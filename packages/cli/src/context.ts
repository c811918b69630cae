import type { EventStore } from '@rappel/event-store';
import type { connectBus } from '@rappel/messaging';
import type { Pool } from '@rappel/postgres';
import type { Vault } from '@rappel/privacy';
import { createHash, randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { userInfo } from 'node:os';
import { lineSettings, tlsTrouble } from '@rappel/tls';
import { busOptionsOf } from './bus.ts';
import { readConfig, type Environment, type ToolConfig } from './config.ts';
import { exitCodes, ToolError } from './errors.ts';
import { createCall, type Call } from './http.ts';
import { createOutput, type Output } from './output.ts';

export type Bus = Awaited<ReturnType<typeof connectBus>>;

/** `--json --yes --as --why` and what else every command takes. */
export interface Global {
  readonly json?: boolean;
  readonly colour?: boolean;
  readonly yes?: boolean;
  readonly as?: string;
  readonly why?: string;
}

/** What a command works with. Everything is loaded and opened at first use, so that help comes at once, and closed when the command ends. */
export interface Context {
  readonly config: ToolConfig;
  readonly out: Output;
  readonly call: Call;
  readonly yes: boolean;
  /** `operator:<name>` */
  readonly actor: string;
  readonly why: string | undefined;
  /** Aborted by Ctrl-C; its reason is the error to end with. */
  readonly signal: AbortSignal;
  pool(): Promise<Pool>;
  store(): Promise<EventStore>;
  openStore(url: string): Promise<EventStore>;
  bus(): Promise<Bus>;
  vault(): Promise<Vault>;
  /** Removed when the command ends, unless it was moved away meanwhile. */
  unfinished(file: string): void;
  /**
   * Asks, then records who does what and why in the event store (`operation-<day>`), then lets it happen.
   * `details` holds ids and counts, never a name or an address; `asked` = that was done already. Resolves with the reason to pass on.
   */
  change(question: string, action: { command: string; details?: object; asked?: boolean }): Promise<string>;
  close(): Promise<void>;
}

export interface Io {
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly stdin: NodeJS.ReadStream;
  readonly env: Environment;
}

export function createContext(io: Io, global: Global, stopping: AbortController): Context {
  const config = readConfig(io.env);
  const out = createOutput(io, { json: global.json ?? false, colour: (global.colour ?? true) && io.stdout.isTTY === true && !io.env['NO_COLOR'], interrupt: () => { process.emit('SIGINT'); }, signal: stopping.signal });
  const closers: (() => Promise<unknown>)[] = [];
  const kept = <T>(open: () => T, close: (opened: T) => Promise<unknown>) => {
    let opened: T | undefined;
    return () => {
      if (opened === undefined) {
        const mine = opened = open();
        closers.unshift(() => close(mine));
      }
      return opened;
    };
  };
  const openStore = async (url: string): Promise<EventStore> => {
    const store = await adapterFor(url);
    closers.unshift(() => store.close());
    return store;
  };
  const pool = kept(async () => (await import('@rappel/postgres')).createPool(config.require('DATABASE_URL'), { max: 4, name: 'rappel-tool' }), async (one) => (await one).end());
  const store = kept(() => openStore(config.get('EVENT_STORE_URL') ?? config.require('DATABASE_URL')), async () => undefined);
  const bus = kept(() => connected(config), async (one) => (await one).close());
  const vault = kept(async () => {
    const [{ createVault }, masterKey, opened] = [await import('@rappel/privacy'), config.require('RAPPEL_MASTER_KEY'), await pool()];
    try {
      return createVault({ pool: opened, masterKey });
    } catch (cause) {
      throw new ToolError(`RAPPEL_MASTER_KEY: ${(cause as Error).message}`, exitCodes.usage, { cause });
    }
  }, async () => undefined);
  const actor = `operator:${(global.as ?? userName()).replaceAll(/[^\w.@-]/g, '_').slice(0, 60)}`;
  return {
    config, out, actor, pool, store, openStore, bus, vault,
    call: createCall(config, stopping.signal),
    yes: global.yes ?? false,
    why: global.why,
    signal: stopping.signal,
    unfinished: (file) => { closers.unshift(async () => rmSync(file, { force: true })); },
    async change(question, { command, details = {}, asked = false }) {
      await out.confirm(question, asked || (global.yes ?? false));
      const why = global.why ?? 'no reason given';
      const at = new Date().toISOString();
      await (await store()).append(`operation-${at.slice(0, 10)}`, [{ id: randomUUID(), type: 'OperatorActed', data: { command, ...details, why, at }, metadata: { actor } }], 'any');
      return `${why} (${actor})`;
    },
    async close() {
      out.stop();
      for (const close of closers) await Promise.race([close().catch(() => undefined), soon()]);
    },
  };
}

/** Whoever is interrupted in the middle of a query does not wait for it to end. */
const soon = (): Promise<void> => new Promise((resolve) => { setTimeout(resolve, 2000).unref(); });

const userName = (): string => {
  try {
    return userInfo().username;
  } catch {
    return 'unknown';
  }
};

async function adapterFor(url: string): Promise<EventStore> {
  if (/^postgres(?:ql)?:\/\//.test(url)) return (await import('@rappel/event-store-postgres')).createPostgresEventStore({ connectionString: url });
  if (/^(?:kurrentdb|esdb)(?:\+discover)?:\/\//.test(url)) return (await import('@rappel/event-store-kurrentdb')).createKurrentEventStore({ connectionString: url });
  throw new ToolError('an event store URL starts with postgres://, kurrentdb:// or esdb://', exitCodes.usage);
}

async function connected(config: ToolConfig): Promise<Bus> {
  const { busRefusal, connectBus } = await import('@rappel/messaging');
  const options = busOptionsOf(config);
  const refusal = await busRefusal(options);
  if (refusal) throw new ToolError(`NATS at NATS_URL: ${tlsTrouble(refusal, lineSettings.nats)?.text ?? `it does not answer, or refuses the login (${refusal.message})`}`, exitCodes.unreachable);
  return connectBus(options);
}

/** The same text gives the same key, so a file that is imported twice changes nothing the second time. */
export const keyOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 40);
