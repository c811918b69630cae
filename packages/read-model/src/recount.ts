import type { Client } from '@rappel/postgres';

/**
 * All counters anew from the rows, in one pass of PostgreSQL's: the same facts as `count` in tally.ts takes from a row,
 * which keeps them as rows change. A rebuild needs them only once, at its end.
 */
export async function recount(client: Client, schema: string): Promise<void> {
  await client.query('BEGIN');
  // Groups fit into memory: without it they are sorted on disk.
  await client.query("SET LOCAL work_mem TO '64MB'");
  await client.query(`TRUNCATE ${schema}.tally`);
  await client.query(`
WITH row AS (
  SELECT type, channel, coalesce(department, '') AS department, ${start('day', 'requested_at')} AS day, ${start('hour', 'sent_at')} AS sent_hour,
    ${start('day', 'sent_at')} AS sent_day, coalesce(status, 'skipped:' || coalesce(skip_reason, 'null')) AS outcome, status, replaces IS NULL AS original, delivery, attempts,
    ${bucket('due_at', 'sent_at')} AS due_sent, ${bucket('sent_at', 'delivered_at')} AS sent_delivered, ${bucket('sent_at', 'read_at')} AS sent_read,
    CASE WHEN status IN ('ECHEC', 'ECHEC_PERMANENT') OR (status = 'ENVOYEE' AND delivery IN ('failed', 'undelivered')) THEN
      '[' || ${['status', 'error_class', 'coalesce(error_code, delivery_code)', 'left(coalesce(error_text, delivery_text), 200)'].map((part) => `coalesce(to_json(${part})::text, 'null')`).join(" || ',' || ")} || ']' END AS failure
  FROM ${schema}.notification),
grouped AS (
  SELECT type, channel, department, day, sent_hour, sent_day, outcome, status, original, delivery, attempts, due_sent, sent_delivered, sent_read, failure, count(*) AS n
  FROM row GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
fine AS (
  SELECT measure, fact.at, CASE WHEN measure = 'sent-channel' THEN '' ELSE type END AS type, channel, CASE WHEN measure LIKE '%-%' THEN '' ELSE department END AS department, fact.value, sum(n) AS n
  FROM grouped CROSS JOIN LATERAL (VALUES
    ('status', day, outcome), ('fallback', day, CASE WHEN original THEN 'original' ELSE 'replacement' END), ('delivery', day, delivery),
    ('attempts', day, CASE WHEN status IS NOT NULL THEN attempts::text END), ('failure', day, failure),
    ('sent', sent_hour, CASE WHEN status = 'ENVOYEE' THEN status ELSE '' END), ('sent-channel', sent_hour, CASE WHEN status = 'ENVOYEE' THEN status ELSE '' END),
    ('due-sent', sent_day, due_sent::text), ('sent-delivered', sent_day, sent_delivered::text), ('sent-read', sent_day, sent_read::text)
  ) fact (measure, at, value) WHERE fact.at IS NOT NULL AND fact.value IS NOT NULL GROUP BY measure, fact.at, 3, channel, 5, fact.value)
INSERT INTO ${schema}.tally (measure, grain, at, type, channel, department, value, n)
SELECT measure, grain, date_trunc(width, at, 'UTC') AS bucket, type, channel, department, value, sum(n)
FROM fine JOIN (VALUES ('h', 'hour'), ('d', 'day'), ('m', 'month')) g (grain, width) ON grain <> 'h' OR measure IN ('sent', 'sent-channel')
GROUP BY measure, grain, bucket, type, channel, department, value ORDER BY measure, grain, bucket`);
  await client.query('COMMIT');
}

/** Start of the UTC day or hour, without the look into a zone that `date_trunc` takes for each row. */
const start = (width: 'day' | 'hour', at: string): string => `date_bin('1 ${width}', ${at}, '2000-01-01T00:00:00Z')`;

/** `bucketOf` in SQL, in floating point: arithmetic on `numeric` costs several times as much; null where one of the moments is missing. */
function bucket(from: string, to: string): string {
  const ms = `round(date_part('epoch', ${to} - ${from}) * 1000)`;
  return `CASE WHEN ${ms} <= 1 THEN 0 ELSE ceil(ln(${ms}) / ln(1.05::float8))::int END`;
}
