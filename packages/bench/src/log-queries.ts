import { createPool, type Pool } from '@rappel/postgres';
import { countBy, delays, findNotifications, prepareLog, whatWaits, type Page } from '@rappel/read-model';

export interface LogQueriesOptions {
  /** An empty database: its schema `log` is filled. */
  readonly databaseUrl: string;
  /** Notifications stored. Default 5,000,000. */
  readonly notifications?: number;
  /** Times each question is asked, each time about something else. Default 200. */
  readonly times?: number;
  readonly onStep?: (step: string) => void;
}

export interface LogQueryRow { readonly question: string; readonly p50: number; readonly p99: number; readonly max: number }

/** How long the log's questions take with millions of notifications stored, in milliseconds. Fills the database first if it is empty. */
export async function benchLogQueries({ databaseUrl, notifications = 5_000_000, times = 200, onStep = () => undefined }: LogQueriesOptions): Promise<LogQueryRow[]> {
  const pool = createPool(databaseUrl, { max: 4 });
  try {
    await fill(pool, notifications, onStep);
    const rows: LogQueryRow[] = [];
    for (const [question, ask] of Object.entries(questions)) {
      onStep(question);
      rows.push({ question, ...await measure(() => ask(pool), times) });
    }
    return rows;
  } finally {
    await pool.end();
  }
}

async function measure(ask: () => Promise<unknown>, times: number): Promise<Omit<LogQueryRow, 'question'>> {
  const took: number[] = [];
  for (let i = 0; i < times + 5; i += 1) {
    const started = performance.now();
    await ask();
    // The first ones fill caches that a running service has full.
    if (i >= 5) took.push(performance.now() - started);
  }
  took.sort((a, b) => a - b);
  const at = (share: number) => Number(took[Math.min(took.length - 1, Math.floor(took.length * share))]!.toFixed(1));
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}

const START = Date.parse('2025-01-01T00:00:00Z');
const DAYS = 365;
const pick = <T>(values: readonly T[]): T => values[Math.floor(Math.random() * values.length)]!;
const moment = () => new Date(START + Math.floor(Math.random() * DAYS * 86_400_000)).toISOString();
const day = () => { const from = moment(); return { from, to: new Date(Date.parse(from) + 86_400_000).toISOString() }; };
const page = (filter: Omit<Page, 'limit'>) => (pool: Pool) => findNotifications(pool, { ...filter, limit: 50 });

const questions: Record<string, (pool: Pool) => Promise<unknown>> = {
  'newest page': page({}),
  'page in the middle': (pool) => page({ after: { at: moment(), notificationId: '80000000-0000-4000-8000-000000000000' } })(pool),
  'by status and day': (pool) => page({ where: { status: [pick(['ENVOYEE', 'ECHEC', 'ECHEC_PERMANENT', 'EN_ATTENTE'])] }, spans: { requestedAt: day() } })(pool),
  'by type and channel': (pool) => page({ where: { type: [pick(['RETARD', 'RAPPEL_J1'])], channel: ['WHATSAPP'] } })(pool),
  'by loan': (pool) => page({ where: { attributionId: [`loan-${Math.floor(Math.random() * 900_000)}`] } })(pool),
  'by borrower': (pool) => page({ where: { borrowerId: [`b-${Math.floor(Math.random() * 90_000)}`] } })(pool),
  'by department': (pool) => page({ where: { department: [`d-${Math.floor(Math.random() * 10)}`] } })(pool),
  'sent in a span': (pool) => page({ spans: { sentAt: day() } })(pool),
  'words of an error': (pool) => page({ error: pick(['mailbox full', 'invalid phone', 'unreachable']) })(pool),
  'undelivered': (pool) => page({ where: { delivery: ['undelivered'] } })(pool),
  'by error code': (pool) => page({ where: { errorClass: ['RECIPIENT'], errorCode: [pick(['21211', '550'])] } })(pool),
  'count by status': (pool) => countBy(pool, 'status', ['value']),
  'count by status, type, channel, department': (pool) => countBy(pool, 'status', ['value', 'type', 'channel', 'department']),
  'count by status over a span': (pool) => countBy(pool, 'status', ['value'], { from: moment() }),
  'failures by message': (pool) => countBy(pool, 'failure', ['value']),
  'sent per day': (pool) => countBy(pool, 'sent', ['at'], { grain: 'd', from: new Date(START).toISOString() }),
  'sent today': (pool) => countBy(pool, 'sent', ['value'], { ...day(), channel: ['WHATSAPP'] }),
  'delay percentiles': (pool) => delays(pool, 'sent-delivered', ['channel']),
  'what waits': (pool) => whatWaits(pool),
};

async function fill(pool: Pool, notifications: number, onStep: (step: string) => void): Promise<void> {
  await pool.query('CREATE SCHEMA IF NOT EXISTS log');
  const { rows } = await pool.query<{ there: boolean }>("SELECT to_regclass('log.notification') IS NOT NULL AS there");
  if (rows[0]!.there) return;
  onStep(`filling ${notifications} notifications`);
  // Rows first, indexes after: many times faster.
  await prepareLog(pool, 'log', { indexes: false });
  await pool.query(`SET synchronous_commit TO off; ${insert(notifications)}`);
  onStep('indexes');
  await prepareLog(pool);
  onStep('counters');
  for (const sql of counters) await pool.query(sql);
  await pool.query('ANALYZE log.notification, log.tally; CHECKPOINT');
}

/** 1 % failed for good, 0.4 % to be retried, 0.2 % waiting, 3 % skipped, 95 % sent; two thirds delivered, a third read. */
const insert = (notifications: number) => `
INSERT INTO log.notification (notification_id, attribution_id, borrower_id, department, type, channel, due_version, occurrence, status, phase, attempts,
  error_class, error_code, error_text, delivery, receipt_missing, provider_id, skip_reason, replays, requested_at, due_at, sent_at, delivered_at, read_at, given_up_at, skipped_at, version, last_event_id, updated_at)
SELECT gen_random_uuid(), 'loan-' || (i / 5), 'b-' || (i % 90000), 'd-' || (i % 10), (ARRAY['CREATION','RAPPEL_2H','RAPPEL_J2','RAPPEL_J1','RAPPEL_FINAL','RETARD','RESTITUTION'])[1 + i % 7],
  CASE WHEN i % 3 = 0 THEN 'WHATSAPP' ELSE 'EMAIL' END, 1, 1,
  CASE k WHEN 0 THEN 'ECHEC_PERMANENT' WHEN 1 THEN 'ECHEC' WHEN 2 THEN 'EN_ATTENTE' WHEN 3 THEN NULL ELSE 'ENVOYEE' END,
  CASE k WHEN 0 THEN 'given-up' WHEN 1 THEN 'ready' WHEN 2 THEN 'ready' WHEN 3 THEN 'skipped' ELSE 'accepted' END, CASE k WHEN 0 THEN 3 WHEN 3 THEN 0 ELSE 1 END,
  CASE WHEN k < 2 THEN (ARRAY['RECIPIENT','CONTENT','TRANSIENT'])[1 + i % 3] END, CASE WHEN k < 2 THEN (ARRAY['21211','63016','550'])[1 + i % 3] END,
  CASE WHEN k < 2 THEN (ARRAY['Invalid recipient phone number','Mailbox full','Destination unreachable'])[1 + i % 3] END,
  CASE WHEN k > 3 THEN (ARRAY['delivered','read','sent','delivered','read','undelivered'])[1 + i % 6] END, false, CASE WHEN k > 3 THEN 'SM' || i END, CASE k WHEN 3 THEN 'returned' END, 0,
  t, t, CASE WHEN k > 3 THEN t + interval '1 s' * (i % 40) END, CASE WHEN k > 3 THEN t + interval '1 s' * (40 + i % 600) END, CASE WHEN k > 3 AND i % 3 = 1 THEN t + interval '1 min' * (i % 900) END,
  CASE k WHEN 0 THEN t END, CASE k WHEN 3 THEN t END, 5, gen_random_uuid(), t
FROM (SELECT i, timestamptz '2025-01-01Z' + i * (interval '365 days' / ${notifications}) AS t,
  CASE WHEN i % 100 = 0 THEN 0 WHEN i % 1000 < 4 THEN 1 WHEN i % 1000 < 6 THEN 2 WHEN i % 100 < 4 THEN 3 ELSE 4 END AS k FROM generate_series(1, ${notifications}) i) s`;

const tally = ({ measure, at, value, where = 'true', department = "coalesce(department, '')", grains = ['d', 'm'] }: { measure: string; at: string; value: string; where?: string; department?: string; grains?: readonly ('h' | 'd' | 'm')[] }) =>
  grains.map((grain) => `INSERT INTO log.tally SELECT '${measure}', '${grain}', date_trunc('${{ h: 'hour', d: 'day', m: 'month' }[grain]}', ${at}, 'UTC'), type, channel, ${department}, ${value}, count(*) FROM log.notification WHERE ${where} GROUP BY 1, 2, 3, 4, 5, 6, 7`);
const bucket = (from: string, to: string) => `ceil(ln(greatest(extract(epoch FROM ${to} - ${from}) * 1000, 1.05)) / ln(1.05))::int::text`;

const counters = [
  tally({ measure: 'status', at: 'requested_at', value: "coalesce(status, 'skipped:' || skip_reason)" }),
  tally({ measure: 'sent', at: 'sent_at', value: 'status', where: 'sent_at IS NOT NULL', grains: ['h', 'd', 'm'] }),
  tally({ measure: 'failure', at: 'requested_at', value: 'json_build_array(status, error_class, error_code, error_text)::text', where: "status IN ('ECHEC', 'ECHEC_PERMANENT')" }),
  tally({ measure: 'sent-delivered', at: 'sent_at', value: bucket('sent_at', 'delivered_at'), where: 'delivered_at IS NOT NULL', department: "''" }),
].flat();
