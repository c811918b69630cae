import { migrate, type Migration, type Pool } from '@rappel/postgres';
import type { Channel } from '@rappel/contracts';
import type { Claim, Waiting, WaitingList, WaitReason } from './waiting.ts';

const deliveryMigrations: readonly Migration[] = [
  {
    id: 1,
    name: 'waiting',
    sql: `CREATE TABLE waiting (
      notification_id uuid PRIMARY KEY,
      channel text NOT NULL,
      priority smallint NOT NULL,
      reason text NOT NULL,
      not_before timestamptz NOT NULL,
      not_before_real timestamptz NOT NULL,
      claimed_until timestamptz NOT NULL DEFAULT '-infinity',
      revision bigint GENERATED ALWAYS AS IDENTITY
    );
    CREATE INDEX waiting_order ON waiting (channel, priority, not_before);`,
  },
  {
    id: 2,
    name: 'rate limits, as rate-limiter-flexible wants them',
    sql: 'CREATE TABLE rates (key varchar(255) PRIMARY KEY, points integer NOT NULL DEFAULT 0, expire bigint);',
  },
];

/** Brings the schema `delivery` up to date. Safe to run from several instances at once. */
export const migrateDelivery = (pool: Pool): Promise<void> => migrate(pool, 'delivery', deliveryMigrations);

interface Row { notification_id: string; priority: number; reason: WaitReason; revision: string }

// One statement for all that are put at the same moment: a commit each would cost more than the sending.
const PUT = `INSERT INTO delivery.waiting (notification_id, channel, priority, reason, not_before, not_before_real)
  SELECT id, $2, priority, reason, coalesce(not_before, '-infinity'), coalesce(not_before_real, '-infinity')
  FROM unnest($1::uuid[], $3::smallint[], $4::text[], $5::timestamptz[], $6::timestamptz[]) AS put (id, priority, reason, not_before, not_before_real)
  ORDER BY id
  ON CONFLICT (notification_id) DO UPDATE SET priority = excluded.priority, reason = excluded.reason, not_before = excluded.not_before,
    not_before_real = excluded.not_before_real, claimed_until = '-infinity', revision = DEFAULT`;

/** Gathers what is put while a statement is under way; the last one for a notification holds. */
function createPut(pool: Pool, channel: Channel): WaitingList['put'] {
  let gathered = new Map<string, Waiting>();
  let next: Promise<void> | undefined;
  let running: Promise<unknown> = Promise.resolve();
  const write = async (): Promise<void> => {
    await running.catch(() => undefined);
    const rows = [...gathered.values()];
    gathered = new Map();
    next = undefined;
    const column = <T>(value: (row: Waiting) => T): T[] => rows.map(value);
    const query = pool.query({
      name: 'waiting-put', text: PUT,
      values: [column((row) => row.notificationId), channel, column((row) => row.priority), column((row) => row.reason), column((row) => row.notBefore ?? null), column((row) => row.notBeforeReal ?? null)],
    });
    running = query;
    await query;
  };
  return (waiting) => {
    gathered.set(waiting.notificationId, waiting);
    next ??= write();
    return next;
  };
}

const claimBy = (order: string): string => `UPDATE delivery.waiting SET claimed_until = now() + $3 * interval '1 millisecond'
  WHERE notification_id IN (
    SELECT notification_id FROM delivery.waiting
    WHERE channel = $1 AND not_before <= $4::timestamptz AND not_before_real <= now() AND claimed_until <= now()
    ORDER BY ${order} LIMIT $2 FOR UPDATE SKIP LOCKED)
  RETURNING notification_id, priority, reason, revision`;
const CLAIM = claimBy('priority, not_before');
const CLAIM_IN_TURN = claimBy('revision');

/** The waiting of one channel in the table `delivery.waiting`. Run `migrateDelivery` first. */
export function createPostgresWaiting(pool: Pool, channel: Channel): WaitingList {
  return {
    put: createPut(pool, channel),
    claim: async ({ limit, leaseMs, now, inTurn = false }) => {
      const { rows } = await pool.query<Row>({ ...(inTurn ? { name: 'waiting-claim-in-turn', text: CLAIM_IN_TURN } : { name: 'waiting-claim', text: CLAIM }), values: [channel, limit, leaseMs, now] });
      return rows.map((row): Claim => ({ notificationId: row.notification_id, priority: row.priority, reason: row.reason, revision: Number(row.revision) }))
        .sort((a, b) => a.priority - b.priority || a.revision - b.revision);
    },
    finish: async ({ notificationId, revision }, next) => {
      if (!next) await pool.query('DELETE FROM delivery.waiting WHERE notification_id = $1 AND revision = $2', [notificationId, revision]);
      else {
        await pool.query(
          `UPDATE delivery.waiting SET priority = $3, reason = $4, not_before = coalesce($5::timestamptz, '-infinity'), not_before_real = coalesce($6::timestamptz, '-infinity'),
             claimed_until = '-infinity', revision = DEFAULT WHERE notification_id = $1 AND revision = $2`,
          [notificationId, revision, next.priority, next.reason, next.notBefore ?? null, next.notBeforeReal ?? null],
        );
      }
    },
    counts: async () => {
      const { rows } = await pool.query<{ reason: WaitReason; n: number }>('SELECT reason, count(*)::int AS n FROM delivery.waiting WHERE channel = $1 GROUP BY reason', [channel]);
      return Object.fromEntries(rows.map(({ reason, n }) => [reason, n]));
    },
  };
}
