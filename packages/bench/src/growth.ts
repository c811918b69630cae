import { randomUUID } from 'node:crypto';
import { createPostgresEventStore } from '@rappel/event-store-postgres';
import { inTransaction, type Pool } from '@rappel/postgres';
import type { EventStore } from '@rappel/event-store';
import type { Context, Part } from './context.ts';
import { compare, eachOf, median, takeTurns, type Row } from './figures.ts';

interface Step { readonly stored: number; readonly pipeline: number; readonly appends: Row }

/**
 * With more and more events stored: the pipeline beside itself on an empty store, before; appends beside those to an empty
 * store in another database of the same server, in turns.
 */
export const growth: Part = async (context) => {
  const world = await context.hosts.world();
  const store = createPostgresEventStore({ connectionString: world.stack.env['DATABASE_URL']! });
  const empty = createPostgresEventStore({ connectionString: await world.database('growth_beside') });
  try {
    const steps: Step[] = [];
    for (const stored of context.growth) {
      await fill(world.pool, stored - (steps.at(-1)?.stored ?? 0), context.say);
      // With a round to warm up: services that had nothing to do meanwhile are as slow at first as ones that have just started.
      const rates = (await takeTurns([{ name: 'pipeline', run: () => world.deliver(context.count, 'EMAIL') }], context)).get('pipeline')!;
      steps.push({ stored, pipeline: median(rates), appends: await appendRow(stored, { store, empty, context }) });
      context.say(`  ${stored} events stored: pipeline ${Math.round(steps.at(-1)!.pipeline)}/s`);
    }
    const [first, ...later] = steps as [Step, ...Step[]];
    return later.flatMap((step) => [pipelineRow(step, first), step.appends]);
  } finally {
    await Promise.all([store.close(), empty.close()]);
    await world.stop();
  }
};

async function appendRow(stored: number, { store, empty, context }: { store: EventStore; empty: EventStore; context: Context }): Promise<Row> {
  const appends = (to: EventStore) => async () => {
    const started = performance.now();
    await eachOf(context.count, 8, () => to.append(`bench-${randomUUID()}`, [{ id: randomUUID(), type: 'Measured', data: { note: 'x'.repeat(250) } }], 0));
    return context.count / ((performance.now() - started) / 1000);
  };
  const samples = await takeTurns([{ name: 'an empty store', run: appends(empty) }, { name: 'Rappel', run: appends(store) }], context);
  return compare(samples, { name: `append, 8 writers, with ${stored.toLocaleString('en')} more events stored`, unit: '/s', ours: 'Rappel', beside: 'an empty store', target: '≥ 0.9', reached: (ratio) => ratio >= 0.9 });
}

const pipelineRow = ({ stored, pipeline }: Step, first: Step): Row => ({
  name: `pipeline, email, with ${stored.toLocaleString('en')} more events stored`, unit: '/s', value: pipeline, beside: { name: 'itself before', value: first.pipeline },
  ratio: pipeline / first.pipeline, target: '≥ 0.9', met: pipeline / first.pipeline >= 0.9,
});

const PAGE = 100_000;

/**
 * Events of a category that nobody follows, under the appends' own lock, so that positions stay whole. Ends as a store stands
 * that has grown slowly: its statistics made and its pages written, instead of in the middle of the rounds that follow.
 */
async function fill(pool: Pool, events: number, say: Context['say']): Promise<void> {
  if (events <= 0) return;
  const started = performance.now();
  for (let left = events; left > 0; left -= PAGE) {
    await inTransaction(pool, async (client) => {
      await client.query("SET LOCAL synchronous_commit TO off; SET LOCAL work_mem TO '256MB'");
      await client.query('SELECT pg_advisory_xact_lock(7234017283807667300)');
      await client.query(`
        WITH head AS (SELECT coalesce(max(position), 0) AS at FROM event_store.events),
        added AS MATERIALIZED (SELECT n, nextval('event_store.stream_ids') AS id, 'filler-' || gen_random_uuid() AS name FROM generate_series(1, $1::int) n),
        named AS (INSERT INTO event_store.streams (id, name) SELECT id, name FROM added ORDER BY name)
        INSERT INTO event_store.events (position, stream_id, version, id, recorded_at, category, stream, type, data)
        SELECT head.at + added.n, added.id, 1, gen_random_uuid(), now(), 'filler', added.name, 'Filler', json_build_object('n', added.n, 'note', repeat('x', 250))
          FROM added, head`, [Math.min(PAGE, left)]);
    });
  }
  say(`  ${events} events filled in at ${Math.round(events / ((performance.now() - started) / 1000))}/s`);
  await pool.query('VACUUM ANALYZE event_store.events, event_store.streams');
  await pool.query('CHECKPOINT');
}
