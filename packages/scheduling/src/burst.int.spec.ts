import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { ReminderDue } from '@rappel/contracts';
import type { EventStore } from '@rappel/event-store';
import { createPostgresEventStore } from '@rappel/event-store-postgres';
import { createPool, migrate, type Pool } from '@rappel/postgres';
import { build } from 'esbuild';
import { loanOf } from '../test/scene.ts';
import { seedOf } from '../test/seed.ts';
import { createDatabase, handClock, until } from '../test/world.ts';
import { migrations } from './migrations.ts';
import { openPolicyBook } from './policies.ts';
import { createScheduler } from './scheduler.ts';

const seed = seedOf('burst');
const LOANS = 4000;
const BORROWERS = 2500;
const DUE = '2026-06-17T07:00:00.000Z';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

describe('a burst of reminders due in the same minute', () => {
  it('loses none and doubles none while instances are killed in the middle of it', async () => {
    const { url, pool, store } = await planned();
    const bundle = await bundled();
    const random = dice(seed);
    let told = 0;
    const kills: number[] = [];
    const children = new Set([1, 2, 3].map(() => instance(bundle, url)));
    cleanUps.push(() => children.forEach((child) => child.kill('SIGKILL')));
    for (let next = 1; ; next = told + 1 + Math.floor(random() * 1400)) {
      const goal = Math.min(next, LOANS);
      await until(async () => (told = await settledSoFar(pool)) >= goal);
      if (told === LOANS) break;
      const victim = [...children][Math.floor(random() * children.size)]!;
      children.delete(victim);
      victim.kill('SIGKILL');
      kills.push(told);
      children.add(instance(bundle, url));
    }
    process.stdout.write(`killed after ${kills.join(', ')} of ${LOANS}\n`);
    await expectEachOnce(store);
  }, 180_000);
});

async function planned(): Promise<{ url: string; pool: Pool; store: EventStore }> {
  const url = await createDatabase(`burst_${randomUUID().slice(0, 8)}`);
  const pool = createPool(url);
  cleanUps.push(() => pool.end());
  await migrate(pool, 'scheduler', migrations);
  const store = createPostgresEventStore({ connectionString: url });
  cleanUps.push(() => store.close());
  const clock = handClock('2026-06-01T00:00:00.000Z');
  const scheduler = createScheduler({ store, pool, clock, book: await openPolicyBook(store, clock) });
  await Promise.all(Array.from({ length: LOANS }, (_, i) =>
    scheduler.out(loanOf({ id: `a-${i}`, borrower: `b-${i % BORROWERS}`, due: { date: '2026-06-19' } }), clock.now())));
  await scheduler.stop();
  return { url, pool, store };
}

/** The instance as one file, so that it runs as a process of its own. */
async function bundled(): Promise<string> {
  const folder = mkdtempSync(`${tmpdir()}/rappel-burst-`);
  cleanUps.push(() => rmSync(folder, { recursive: true, force: true }));
  const outfile = `${folder}/instance.mjs`;
  await build({
    entryPoints: [fileURLToPath(new URL('../test/instance.ts', import.meta.url))], outfile, bundle: true, platform: 'node', target: 'node20', format: 'esm',
    external: ['pg-native'], logLevel: 'error', banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  });
  return outfile;
}

function instance(bundle: string, url: string): ChildProcess {
  // Small batches: more places to die in.
  return spawn(process.execPath, [bundle], { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, DATABASE_URL: url, NOW: DUE, BATCH: '100' } });
}

async function settledSoFar(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ n: number }>('SELECT count(*)::int AS n FROM scheduler.schedules WHERE next_at > $1', [DUE]);
  return rows[0]!.n;
}

async function expectEachOnce(store: EventStore): Promise<void> {
  const told: string[] = [];
  const messages: string[] = [];
  for (let after = ''; ;) {
    const events = await store.readAll({ after, categories: ['schedule'], limit: 5000 });
    if (events.length === 0) break;
    after = events.at(-1)!.checkpoint;
    for (const { type, data } of events) {
      if (type !== 'ReminderDue') continue;
      told.push(...(data as ReminderDue).loans.map(({ attributionId }) => attributionId));
      messages.push((data as ReminderDue).borrowerId);
    }
  }
  expect(new Set(told).size).toBe(LOANS);
  expect(told).toHaveLength(LOANS);
  // One message each, however the instances shared the work.
  expect(messages).toHaveLength(BORROWERS);
}

/** A small seeded generator (mulberry32). */
function dice(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
