import { randomUUID } from 'node:crypto';
import { createPostgresEventStore } from '@rappel/event-store-postgres';
import type { Pool } from '@rappel/postgres';
import type { Context, Part } from './context.ts';
import { eachOf, median, type Figure } from './figures.ts';
import type { World } from './world.ts';

interface Step { readonly stored: number; readonly pipeline: number; readonly appends: number }

/** The pipeline and appends with more and more events stored, beside themselves on an empty store. */
export const growth: Part = async (context) => {
  const world = await context.hosts.world();
  const store = createPostgresEventStore({ connectionString: world.stack.env['DATABASE_URL']! });
  try {
    const steps: Step[] = [];
    await world.deliver(context.count, 'EMAIL');
    for (const stored of context.growth) {
      await fill(world.pool, stored - (steps.at(-1)?.stored ?? 0));
      steps.push({ stored, ...await measure(world, store, context) });
      const { pipeline, appends } = steps.at(-1)!;
      context.say(`  ${stored} events stored: pipeline ${Math.round(pipeline)}/s, appends ${Math.round(appends)}/s`);
    }
    const [first, ...later] = steps as [Step, ...Step[]];
    return later.flatMap((step) => [row('pipeline, email', step, { figure: step.pipeline, atFirst: first.pipeline }), row('append, 8 writers', step, { figure: step.appends, atFirst: first.appends })]);
  } finally {
    await store.close();
    await world.stop();
  }
};

async function measure(world: World, store: ReturnType<typeof createPostgresEventStore>, { rounds, count }: Context): Promise<Omit<Step, 'stored'>> {
  const pipeline: number[] = [];
  const appends: number[] = [];
  for (let round = 0; round < rounds; round++) {
    pipeline.push(await world.deliver(count, 'EMAIL'));
    const started = performance.now();
    await eachOf(count, 8, () => store.append(`bench-${randomUUID()}`, [{ id: randomUUID(), type: 'Measured', data: { note: 'x'.repeat(250) } }], 0));
    appends.push(count / ((performance.now() - started) / 1000));
  }
  return { pipeline: median(pipeline), appends: median(appends) };
}

const row = (name: string, { stored }: Step, { figure, atFirst }: { figure: number; atFirst: number }): Figure => ({
  name: `${name}, with ${stored.toLocaleString('en')} more events stored`, unit: '/s', value: figure, beside: { name: 'itself before', value: atFirst },
  ratio: figure / atFirst, target: '≥ 0.9', met: figure / atFirst >= 0.9,
});

const PAGE = 100_000;

/** Events of a category that nobody follows, under the appends' own lock, so that positions stay whole. */
async function fill(pool: Pool, events: number): Promise<void> {
  for (let left = events; left > 0; left -= PAGE) {
    const client = await pool.connect();
    try {
      await client.query('BEGIN');
      await client.query('SELECT pg_advisory_xact_lock(7234017283807667300)');
      await client.query(`
        WITH head AS (SELECT coalesce(max(position), 0) AS at FROM event_store.events),
        added AS (SELECT n, nextval('event_store.stream_ids') AS id, 'filler-' || gen_random_uuid() AS name FROM generate_series(1, $1::int) n),
        named AS (INSERT INTO event_store.streams (id, name) SELECT id, name FROM added)
        INSERT INTO event_store.events (position, stream_id, version, id, recorded_at, category, stream, type, data)
        SELECT head.at + added.n, added.id, 1, gen_random_uuid(), now(), 'filler', added.name, 'Filler', json_build_object('n', added.n, 'note', repeat('x', 250))
          FROM added, head`, [Math.min(PAGE, left)]);
      await client.query('COMMIT');
    } finally {
      client.release();
    }
  }
  if (events > 0) await pool.query('ANALYZE event_store.events, event_store.streams');
}
