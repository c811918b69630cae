import { jetstreamManager, type JetStreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { streams, type StreamName } from '@rappel/contracts';
import type { EventStore } from '@rappel/event-store';
import type { Pool } from '@rappel/postgres';

export interface Quiet {
  /** What is under way at business time `now`, or undefined when nothing is: messages, announcements, rows, timers that are due. */
  busy(now: string): Promise<string | undefined>;
}

interface Surroundings {
  readonly pool: Pool;
  readonly store: EventStore;
  readonly bus: NatsConnection;
}

const relays = [['loan', 'attribution'], ['scheduler', 'schedule'], ['notification', 'notification']] as const;

/** Looks at the servers from outside, as an operator would: the clock may only run on while nothing is under way. */
export function createQuiet({ pool, store, bus }: Surroundings): Quiet {
  let manager: JetStreamManager | undefined;

  const pending = async (): Promise<string | undefined> => {
    manager ??= await jetstreamManager(bus);
    const jsm = manager;
    const consumers = Object.entries(streams).filter(([stream]) => stream !== 'NOTIFICATION').flatMap(([stream, { consumers: durables }]) => durables.map((durable) => [stream as StreamName, durable] as const));
    const counts = await Promise.all(consumers.map(async ([stream, durable]) => {
      const { num_pending, num_ack_pending } = await jsm.consumers.info(stream, durable);
      return { durable, count: num_pending + num_ack_pending };
    }));
    const waiting = counts.find(({ count }) => count > 0);
    return waiting && `${waiting.count} messages for ${waiting.durable}`;
  };

  const behind = async (): Promise<string | undefined> => {
    const { rows } = await pool.query<{ name: string; checkpoint: string }>(
      `SELECT name, checkpoint FROM messaging.relays UNION ALL SELECT 'log', checkpoint FROM log.progress`);
    const reached = new Map(rows.map(({ name, checkpoint }) => [name, checkpoint]));
    const lagging = await Promise.all([...relays, ['log', 'notification'] as const].map(async ([name, category]) => {
      const [last] = await store.readAll({ backwards: true, categories: [category], limit: 1 });
      return last && (reached.get(name) ?? '') < last.checkpoint ? name : undefined;
    }));
    const late = lagging.find(Boolean);
    return late && `${late} catches up`;
  };

  const due = async (now: string): Promise<string | undefined> => {
    const { rows } = await pool.query<{ timers: string; waiting: string }>(
      `SELECT (SELECT count(*) FROM scheduler.schedules WHERE next_at <= $1) AS timers,
              (SELECT count(*) FROM delivery.waiting WHERE not_before <= $1) AS waiting`, [now]);
    const { timers, waiting } = rows[0]!;
    if (timers !== '0') return `${timers} reminders are due`;
    return waiting === '0' ? undefined : `${waiting} notifications wait`;
  };

  return {
    async busy(now) {
      try {
        return await due(now) ?? await behind() ?? await pending();
      } catch (error) {
        // A server or service is away: whatever it held is under way.
        manager = undefined;
        return (error as Error).message;
      }
    },
  };
}
