import { createPostgresEventStore } from '@rappel/event-store-postgres';
import { createPool, type Pool } from '@rappel/postgres';
import { findNotifications, rebuildLog, type Rebuilt } from '@rappel/read-model';
import type { Part } from './context.ts';
import { compare, percentile, takeTurns } from './figures.ts';

/** The log built anew from the events, beside reading the same events with a plain SELECT; somebody asks the log meanwhile. */
export const rebuild: Part = async (context) => {
  const notifications = context.smoke ? 200 : 250_000;
  const { url, stop } = await context.hosts.server();
  const pool = createPool(url);
  const store = createPostgresEventStore({ connectionString: url });
  try {
    await store.head();
    const events = await fill(pool, notifications);
    context.say(`  ${events} events of ${notifications} notifications stored`);
    const built: Rebuilt[] = [await rebuildLog({ store, pool, fresh: true })];
    const reader = askMeanwhile(pool);
    const samples = await takeTurns([
      { name: 'raw SELECT', run: () => selectAll(pool) },
      {
        name: 'Rappel',
        run: async () => {
          const rebuilt = await reader.during(() => rebuildLog({ store, pool, fresh: true }));
          built.push(rebuilt);
          context.say(`  checksum before ${rebuilt.before!.digest}, after ${rebuilt.after.digest}: ${rebuilt.equal ? 'the same' : 'DIFFERENT'}; ${rebuilt.totalSeconds.toFixed(1)} s with indexes, checksums and swap`);
          return rebuilt.rate;
        },
      },
    ], context);
    const same = built.slice(1).every(({ equal, after }) => equal && after.digest === built[0]!.after.digest);
    if (!same) throw new Error(`checksums differ: ${built.map(({ before, after }) => `${before?.digest} → ${after.digest}`).join(', ')}`);
    return [
      compare(samples, {
        name: `rebuild of the log from ${events} events`, unit: '/s', ours: 'Rappel', beside: 'raw SELECT',
        target: '≥ 0.3 and ≥ 50,000/s', reached: (ratio, value) => ratio >= 0.3 && value >= 50_000, note: `read, folded and written; checksum each time ${built[0]!.after.digest}`,
      }),
      { name: 'the same with indexes, both checksums and the swap', unit: 's', value: built.at(-1)!.totalSeconds },
      { name: 'a page of the log asked for meanwhile, p99', unit: 'ms', value: percentile(reader.took, 0.99), target: '< 50 ms', met: percentile(reader.took, 0.99) < 50, note: `${reader.took.length} asked for, longest ${Math.round(Math.max(...reader.took))} ms` },
    ];
  } finally {
    await store.close();
    await pool.end();
    await stop();
  }
};

/** Asks for a page every 20 ms while something runs, and keeps how long each took. */
function askMeanwhile(pool: Pool) {
  const took: number[] = [];
  const ask = async (): Promise<void> => {
    const started = performance.now();
    await findNotifications(pool, { where: { status: ['ENVOYEE'] }, limit: 50 });
    took.push(performance.now() - started);
  };
  return {
    took,
    async during<T>(work: () => Promise<T>): Promise<T> {
      const over = new AbortController();
      const asking = (async () => { while (!over.signal.aborted) await Promise.all([ask(), new Promise((resolve) => { setTimeout(resolve, 20); })]); })();
      try {
        return await work();
      } finally {
        over.abort();
        await asking;
      }
    },
  };
}

/** Asked for, tried, accepted; every other one reported delivered and read. Interleaved as they would be. In SQL: a million in seconds. */
async function fill(pool: Pool, notifications: number): Promise<number> {
  const { rowCount } = await pool.query(`
WITH n AS MATERIALIZED (SELECT n, gen_random_uuid() AS id, timestamptz '2026-01-05T08:00:00Z' + n * interval '20 s' AS t FROM generate_series(1, ${notifications}) n),
stream AS (INSERT INTO event_store.streams (id, name) SELECT nextval('event_store.stream_ids'), 'notification-' || id FROM n RETURNING id, name),
e AS (
  SELECT n.*, 'notification-' || id AS stream, k.*, t + after AS at, to_char(t AT TIME ZONE 'UTC' + after, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS iso
  FROM n CROSS JOIN (VALUES (1, interval '0', 'NotificationRequested'), (2, '2 s', 'AttemptStarted'), (3, '3 s', 'AttemptAccepted'), (4, '40 s', 'DeliveryReported'), (5, '1 day', 'DeliveryReported')) k (version, after, type)
  WHERE version < 4 OR n % 2 = 0)
INSERT INTO event_store.events (position, stream_id, version, id, recorded_at, category, stream, type, data, personal, metadata)
SELECT row_number() OVER (ORDER BY at, version), stream.id, version, gen_random_uuid(), at, 'notification', stream, type,
  CASE version
    WHEN 1 THEN json_build_object('notificationId', e.id, 'attributionId', 'loan-' || n / 3, 'borrowerId', 'borrower-' || n % 20000,
      'type', (ARRAY['CREATION','RAPPEL_J2','RAPPEL_J1','RETARD','RESTITUTION'])[1 + n % 5], 'channel', (ARRAY['WHATSAPP','EMAIL'])[1 + n % 2],
      'dueVersion', 1, 'occurrence', 1, 'department', 'department-' || n % 12, 'dueFrom', iso, 'at', iso)
    WHEN 2 THEN json_build_object('attemptId', e.id, 'number', 1, 'leaseUntil', iso, 'at', iso)
    WHEN 3 THEN json_build_object('attemptId', e.id, 'providerId', 'SM' || n, 'attempts', 1, 'at', iso)
    ELSE json_build_object('receiptId', e.id, 'providerId', 'SM' || n, 'delivery', (ARRAY['delivered','read'])[version - 3], 'at', iso) END,
  CASE WHEN version = 1 THEN json_build_object('state', 'sealed', 'subject', 'borrower-' || n % 20000, 'context', stream, 'fields', json_build_object('recipient', md5(n::text) || md5(stream))) END,
  json_build_object('correlationId', e.id, 'causationId', e.id, 'traceparent', '00-' || md5(n::text) || '-00f067aa0ba902b7-01')
FROM e JOIN stream ON stream.name = e.stream`);
  await pool.query('ANALYZE event_store.events');
  return rowCount!;
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
