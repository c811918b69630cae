// Where a person could still be found, looked at the way an intruder would: every row, message, event, log line and figure.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import { pagesOf, type EventStore, type RecordedEvent } from '@rappel/event-store';
import type { User } from './secured.ts';
import { call, services, type System } from './system.ts';

export const person = { firstName: 'Philomène', lastName: 'Quatrevingts', email: 'philomene.quatrevingts@exemple.fr', phone: '+33698765432' };
/** As they would show anywhere: in clear, in part, or as a number without its plus. */
export const traces = ['philom', 'quatrevingts', '698765432'];
export const found = (text: string): string[] => traces.filter((trace) => text.toLowerCase().includes(trace));

export async function everyRow({ pool }: System): Promise<{ table: string; row: string }[]> {
  const { rows: tables } = await pool.query<{ name: string }>(`SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`);
  const all = await Promise.all(tables.map(async ({ name }) => (await pool.query<{ row: string }>(`SELECT t::text AS row FROM ${name} t`)).rows.map(({ row }) => ({ table: name, row: readable(row) }))));
  return all.flat();
}

/** `bytea` shows as hex: an address in clear would hide there. */
const readable = (row: string): string => row + [...row.matchAll(/\\\\?x([0-9a-f]{8,})/g)].map(([, hex]) => Buffer.from(hex!, 'hex').toString('latin1')).join('');

/** Every event as the store gives it: ids, stream names, data, metadata, and the personal part as it is kept. */
export async function everyEvent(store: EventStore): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  for await (const page of pagesOf(store)) events.push(...page);
  return events;
}

async function messagesOf(system: System, user: User, stream: string): Promise<string[]> {
  const bus = await system.connect(user);
  try {
    const jsm = await jetstreamManager(bus, { checkAPI: false });
    const { state } = await jsm.streams.info(stream);
    const sequences = Array.from({ length: state.messages === 0 ? 0 : state.last_seq - state.first_seq + 1 }, (_, index) => state.first_seq + index);
    const messages = await Promise.all(sequences.map((seq) => jsm.streams.getMessage(stream, { seq }).catch(() => null)));
    return messages.flatMap((message) => (message ? [`${message.subject} ${message.string()} ${JSON.stringify([...message.header])}`] : []));
  } finally {
    await bus.close();
  }
}

/** Every message that any stream holds, with its subject and headers. */
export async function onTheBus(system: System): Promise<string[]> {
  const streams = [['loan', 'INBOUND'], ['loan', 'LOAN'], ['scheduler', 'SCHEDULER'], ['email', 'NOTIFICATION']] as const;
  return (await Promise.all(streams.map(([user, stream]) => messagesOf(system, user, stream)))).flat();
}

/** JetStream's files as they lie on the disk: a stolen one must not tell what a deleted message said. */
export const files = ({ stack }: System): string[] => {
  const folder = join(dirname(stack.logDir), 'nats');
  return readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => `${entry.name} ${readFileSync(join(entry.parentPath, entry.name), 'latin1')}`);
};

/** What the services wrote, and the servers beside PostgreSQL and NATS. */
export const logLines = ({ stack }: System): string[] =>
  readdirSync(stack.logDir).filter((file) => !/^(?:postgres|nats)/.test(file)).flatMap((file) => readFileSync(join(stack.logDir, file), 'utf8').split('\n'));

/** `/metrics` of every service. */
export async function figures(system: System): Promise<string[]> {
  return Promise.all(services.map(async (name) => (await call(`${system.urls[name]}/metrics`, 'get', { token: system.tokens.ops })).text));
}
