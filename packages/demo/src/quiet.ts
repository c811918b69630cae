import { jetstreamManager, type JetStreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { streams, type StreamName } from '@rappel/contracts';
import type { EventStore } from '@rappel/event-store';
import { standingOf } from '@rappel/messaging';
import type { Pool } from '@rappel/postgres';

export interface Look {
  /** What is under way, or undefined when nothing is: messages, announcements, rows, timers that are due. What is held for an operator is not. */
  readonly busy?: string | undefined;
  /** Business time of the next timer or of the next notification that waits. */
  readonly next?: string | undefined;
}

/** Looks at everything as it stands at business time `now`. */
export type Quiet = (now: string) => Promise<Look>;

interface Surroundings {
  readonly pool: Pool;
  readonly store: EventStore;
  readonly bus: NatsConnection;
}

/** Who follows which category of the store, and the stream that it publishes to. */
const followers = [
  { name: 'loan', category: 'attribution', stream: 'LOAN' },
  { name: 'scheduler', category: 'schedule', stream: 'SCHEDULER' },
  { name: 'notification', category: 'notification', stream: 'NOTIFICATION' },
  { name: 'log', category: 'notification', stream: undefined },
] as const;

/** What is in INBOUND is outstanding: it leaves once acknowledged, and an operator may not read it. */
const outstanding = async (jsm: JetStreamManager, stream: StreamName, durable: string): Promise<number> =>
  (stream === 'INBOUND' ? (await jsm.streams.info(stream)).state.messages : (await standingOf(jsm, stream, durable)).outstanding);

/** Looks at the servers from outside, as an operator would: time may only go on while nothing is under way. */
export function createQuiet({ pool, store, bus }: Surroundings): Quiet {
  let manager: JetStreamManager | undefined;

  const pending = async (): Promise<string | undefined> => {
    manager ??= await jetstreamManager(bus);
    const jsm = manager;
    const consumers = Object.entries(streams).flatMap(([stream, { consumers: durables }]) => durables.map((durable) => [stream as StreamName, durable] as const));
    const counts = await Promise.all(consumers.map(async ([stream, durable]) => ({ durable, count: await outstanding(jsm, stream, durable) })));
    const waiting = counts.find(({ count }) => count > 0);
    return waiting && `${waiting.count} messages for ${waiting.durable}`;
  };

  /** Position of the last event that a stream got; a relay's own checkpoint is saved only a few times a second. */
  const published = async (stream: StreamName | undefined): Promise<string> => {
    if (!stream) return '';
    manager ??= await jetstreamManager(bus);
    const { state } = await manager.streams.info(stream);
    const last = state.messages > 0 ? await manager.streams.getMessage(stream, { seq: state.last_seq }) : null;
    return last?.header.get('rappel-position') ?? '';
  };

  const behind = async (): Promise<string | undefined> => {
    const { rows } = await pool.query<{ name: string; checkpoint: string }>(
      `SELECT name, checkpoint FROM messaging.relays UNION ALL SELECT 'log', checkpoint FROM log.progress`);
    const late = await Promise.all(followers.map(async ({ name, category, stream }) => {
      const [last] = await store.readAll({ backwards: true, categories: [category], limit: 1 });
      if (!last || rows.some((row) => row.name === name && row.checkpoint >= last.checkpoint)) return undefined;
      return await published(stream) >= last.checkpoint ? undefined : name;
    }));
    const name = late.find(Boolean);
    return name && `${name} catches up`;
  };

  const timers = async (now: string): Promise<Look> => {
    const { rows } = await pool.query<{ timers: number; waiting: number; next: Date | null }>(
      `SELECT (SELECT count(*)::int FROM scheduler.schedules WHERE next_at <= $1) AS timers,
              (SELECT count(*)::int FROM delivery.waiting WHERE not_before <= $1 AND reason <> 'held') AS waiting,
              least((SELECT min(next_at) FROM scheduler.schedules WHERE next_at IS NOT NULL), (SELECT min(not_before) FROM delivery.waiting WHERE reason <> 'held')) AS next`, [now]);
    const { timers: due, waiting, next } = rows[0]!;
    if (due > 0) return { busy: `${due} reminders are due` };
    return waiting > 0 ? { busy: `${waiting} notifications wait` } : { next: next?.toISOString() };
  };

  return async (now) => {
    try {
      const { busy, next } = await timers(now);
      return { busy: busy ?? await behind() ?? await pending(), next };
    } catch (error) {
      // A server or service is away: whatever it held is under way.
      manager = undefined;
      return { busy: (error as Error).message };
    }
  };
}
