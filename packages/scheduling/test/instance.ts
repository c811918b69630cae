import { acceleratedClock } from '@rappel/contracts';
import { createPostgresEventStore } from '@rappel/event-store-postgres';
import { createPool } from '@rappel/postgres';
import { openPolicyBook } from '../src/policies.ts';
import { createScheduler } from '../src/scheduler.ts';

/** One instance of the scheduler as a process, for tests that kill it: `DATABASE_URL`, business time `NOW`, loans a time `BATCH`. */
const { DATABASE_URL, NOW, BATCH } = process.env as Record<string, string>;
const pool = createPool(DATABASE_URL!);
const store = createPostgresEventStore({ connectionString: DATABASE_URL! });
const clock = acceleratedClock({ origin: NOW!, anchor: new Date().toISOString(), factor: 1 });
const scheduler = createScheduler({
  store, pool, clock, book: await openPolicyBook(store, clock), batch: Number(BATCH),
  onFailure: (error) => { process.stderr.write(`${String(error)}\n`); },
});
scheduler.start();
process.stdout.write('started\n');
