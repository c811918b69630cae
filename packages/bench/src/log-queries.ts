import { createPool, type Pool } from '@rappel/postgres';
import { countBy, delays, findNotifications, prepareLog, whatWaits, recount, type Page } from '@rappel/read-model';
import type { Part } from './context.ts';
import type { Row } from './figures.ts';

/** How long the log's questions take with millions of notifications stored, each time about something else; no peer, the limit is what readers notice. */
export const logQueries: Part = async (context) => {
  const { notifications } = context;
  const times = context.smoke ? 2 : 200;
  const { url, stop } = await context.hosts.server();
  const pool = createPool(url, { max: 4 });
  try {
    const started = performance.now();
    await fill(pool, notifications, (step) => context.say(`  ${step}`));
    context.say(`  filled in ${Math.round((performance.now() - started) / 1000)} s`);
    const rows: Row[] = [];
    for (const [question, ask] of Object.entries(questions)) {
      const { p50, p99, max } = await measure(() => ask(pool), times);
      context.say(`  ${question.padEnd(45)} p50 ${p50} ms, p99 ${p99} ms, longest ${max} ms`);
      rows.push({ name: question, unit: 'ms', value: p99, target: '< 50 ms', ...(!context.smoke && { met: p99 < 50 }), note: `p99 of ${times} with ${notifications.toLocaleString('en')} notifications stored; p50 ${p50} ms, longest ${max} ms` });
    }
    return rows;
  } finally {
    await pool.end();
    await stop();
  }
};

async function measure(ask: () => Promise<unknown>, times: number): Promise<{ p50: number; p99: number; max: number }> {
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

const ids: string[] = [];

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
  'failures by message and department over a span': (pool) => countBy(pool, 'failure', ['value', 'department'], { from: moment() }),
  'sent per day': (pool) => countBy(pool, 'sent', ['at'], { grain: 'd', from: new Date(START).toISOString() }),
  'sent per hour over a month': (pool) => { const from = moment(); return countBy(pool, 'sent', ['at', 'channel'], { grain: 'h', from, to: new Date(Date.parse(from) + 30 * 86_400_000).toISOString() }); },
  'sent today': (pool) => countBy(pool, 'sent', ['value'], { ...day(), channel: ['WHATSAPP'] }),
  'delay percentiles': (pool) => delays(pool, 'sent-delivered', ['channel']),
  'delay percentiles by type and channel over a span': (pool) => delays(pool, 'due-sent', ['type', 'channel'], { from: moment() }),
  'attempts': (pool) => countBy(pool, 'attempts', ['value']),
  'fallback': (pool) => countBy(pool, 'fallback', ['value'], { from: moment() }),
  'deliveries by channel': (pool) => countBy(pool, 'delivery', ['value', 'channel'], { from: moment() }),
  'one notification': (pool) => findNotifications(pool, { where: { notificationId: [pick(ids)] }, limit: 1 }),
  'by provider\'s id': (pool) => findNotifications(pool, { where: { providerId: [`SM${Math.floor(Math.random() * 5_000_000)}`] }, limit: 1 }),
  'failed in a department': (pool) => page({ where: { status: ['ECHEC', 'ECHEC_PERMANENT'], department: [`d-${Math.floor(Math.random() * 10)}`] } })(pool),
  'read in a span': (pool) => page({ where: { delivery: ['read'] }, spans: { readAt: day() } })(pool),
  'given up in a span': (pool) => page({ spans: { givenUpAt: day() } })(pool),
  'borrower without any': (pool) => page({ where: { borrowerId: ['nobody'] } })(pool),
  'words that no error has': (pool) => page({ error: 'zeppelin' })(pool),
  'attempts = 9 (none)': (pool) => page({ where: { attempts: [9] } })(pool),
  'what waits': (pool) => whatWaits(pool),
};

async function fill(pool: Pool, notifications: number, onStep: (step: string) => void): Promise<void> {
  onStep(`filling ${notifications} notifications`);
  // Rows first, indexes after: many times faster.
  await prepareLog(pool, 'log', { indexes: false });
  await pool.query(`SET synchronous_commit TO off; ${insert(notifications)}`);
  onStep('indexes');
  await prepareLog(pool);
  onStep('counters');
  const client = await pool.connect();
  await recount(client, 'log');
  client.release();
  await pool.query('ANALYZE log.notification, log.tally; CHECKPOINT');
  ids.push(...(await pool.query<{ id: string }>('SELECT notification_id AS id FROM log.notification TABLESAMPLE SYSTEM (0.01) LIMIT 500')).rows.map(({ id }) => id));
  if (ids.length === 0) ids.push('00000000-0000-4000-8000-000000000000');
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
