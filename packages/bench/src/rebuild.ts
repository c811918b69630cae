import { randomUUID } from 'node:crypto';
import type { NewEvent } from '@rappel/event-store';
import { createPostgresEventStore } from '@rappel/event-store-postgres';
import { decide, notificationFold, notificationStream, type Identity, type NotificationCommand } from '@rappel/notification';
import { createPool, type Pool } from '@rappel/postgres';
import { prepareLog, rebuildLog } from '@rappel/read-model';
import type { Part } from './context.ts';
import { compare, eachOf, takeTurns } from './figures.ts';

const EVENTS_EACH = 3;
const AT = '2026-03-17T09:00:00.000Z';

/** The log built anew from the events, beside reading the same events with a plain SELECT. */
export const rebuild: Part = async (context) => {
  const notifications = context.smoke ? 200 : 70_000;
  const { url, stop } = await context.hosts.server();
  const pool = createPool(url);
  const store = createPostgresEventStore({ connectionString: url });
  try {
    const page = 100;
    await eachOf(Math.ceil(notifications / page), 8, (n) => store.appendMany(Array.from({ length: page }, (_, i) => story(n * page + i))));
    await prepareLog(pool);
    const samples = await takeTurns([
      { name: 'raw SELECT', run: () => selectAll(pool) },
      { name: 'Rappel', run: async () => (await rebuildLog({ store, pool, fresh: true })).rate },
    ], context);
    return [compare(samples, {
      name: `rebuild of the log from ${notifications * EVENTS_EACH} events`, unit: '/s', ours: 'Rappel', beside: 'raw SELECT',
      target: '≥ 0.3 and ≥ 50,000/s', reached: (ratio, value) => ratio >= 0.3 && value >= 50_000, note: 'read, folded and written; indexes and checksums come after',
    })];
  } finally {
    await store.close();
    await pool.end();
    await stop();
  }
};

/** A notification as the decider writes it: asked for, tried, accepted. */
function story(n: number): { stream: string; events: NewEvent[]; expected: 0 } {
  const id = randomUUID();
  const identity: Identity = { notificationId: id, attributionId: `loan-${n}`, borrowerId: `borrower-${n}`, type: 'CREATION', channel: 'EMAIL', dueVersion: 1, occurrence: 1, department: 'info' };
  const commands: NotificationCommand[] = [
    { type: 'Request', request: { identity, dueFrom: AT }, at: AT },
    { type: 'StartAttempt', attemptId: id, leaseUntil: AT, at: AT },
    { type: 'RecordAccepted', attemptId: id, providerId: `<${id}@example.org>`, at: AT },
  ];
  let state = notificationFold.initial;
  const events = commands.flatMap((command) => decide(command, state).map((event) => {
    const recorded = { id: randomUUID(), type: event.type, data: event.data };
    state = notificationFold.evolve(state, recorded as never);
    return recorded;
  }));
  return { stream: notificationStream(id), events, expected: 0 };
}

async function selectAll(pool: Pool): Promise<number> {
  const started = performance.now();
  let count = 0;
  for (let position = '0', size = 5000; size === 5000; count += size) {
    const { rows } = await pool.query<{ position: string }>({
      name: 'rebuild-read', text: 'SELECT position, stream, version, id, type, recorded_at, data, metadata FROM event_store.events WHERE position > $1 ORDER BY position LIMIT 5000', values: [position],
    });
    size = rows.length;
    position = rows.at(-1)?.position ?? position;
  }
  return count / ((performance.now() - started) / 1000);
}
