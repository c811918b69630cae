import { randomUUID } from 'node:crypto';
import { expect, it } from '@jest/globals';
import { durations, type LoanSnapshot } from '@rappel/contracts';
import { createInMemoryEventStore, type EventStore } from '@rappel/event-store';
import { attributionStream, borrowerStream, dueInstant } from '@rappel/lending';
import { createPool, migrate, type Pool } from '@rappel/postgres';
import fc from 'fast-check';
import { loanOf } from '../test/scene.ts';
import { seedOf } from '../test/seed.ts';
import { createDatabase, handClock, until } from '../test/world.ts';
import { addDays } from './calendar.ts';
import { migrations } from './migrations.ts';
import { openPolicyBook } from './policies.ts';
import { prepareSchedules } from './rebuild.ts';
import { createScheduler, type Scheduler } from './scheduler.ts';

const seed = seedOf('rebuild');
const START = '2026-03-20T10:00:00.000Z';

/** One thing that happens: to a loan, to the policy, to a borrower, or time passing. */
type Step = { kind: 'out' | 'move' | 'back'; loan: number; days: number; duration: number } | { kind: 'policy'; at: string } | { kind: 'move-house'; borrower: number; zone: string } | { kind: 'wait'; hours: number };
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constantFrom('out' as const, 'out' as const, 'move' as const, 'back' as const), loan: fc.nat(11), days: fc.integer({ min: 1, max: 12 }), duration: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('policy' as const), at: fc.constantFrom('07:30', '09:00', '11:15') }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('move-house' as const), borrower: fc.nat(2), zone: fc.constantFrom('Asia/Kathmandu', 'America/Sao_Paulo', 'Pacific/Kiritimati', '') }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('wait' as const), hours: fc.integer({ min: 1, max: 40 }) }) },
);

it('dropped and rebuilt from the events, the table is the same, whatever happened in whatever order it was heard', async () => {
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 15, maxLength: 40 }), fc.infiniteStream(fc.nat(1000)), async (steps, dice) => {
    const world = await openWorld();
    try {
      await live(world, steps, dice);
      await world.scheduler.stop();
      const before = await tableOf(world.pool);
      await world.pool.query('DROP SCHEMA scheduler CASCADE');
      await prepareSchedules({ pool: world.pool, store: world.store, book: await openPolicyBook(world.store, world.clock) });
      expect(await tableOf(world.pool)).toEqual(before);
    } finally {
      await world.scheduler.stop();
      await world.pool.end();
    }
  }), { seed, numRuns: 8, endOnFailure: true });
}, 180_000);

interface World { pool: Pool; store: EventStore; clock: ReturnType<typeof handClock>; scheduler: Scheduler }

async function openWorld(): Promise<World> {
  const pool = createPool(await createDatabase(`rebuild_${randomUUID().slice(0, 8)}`));
  await migrate(pool, 'scheduler', migrations);
  const store = createInMemoryEventStore();
  const clock = handClock(START);
  for (const [i, zone] of ['Asia/Kathmandu', 'America/Sao_Paulo', undefined].entries()) {
    await store.append(borrowerStream(`b-${i}`), [{ id: randomUUID(), type: 'BorrowerRegistered', data: borrower(i, START, zone) }], 0);
  }
  const scheduler = createScheduler({ store, pool, clock, book: await openPolicyBook(store, clock), lookAgainMs: 20 });
  scheduler.start();
  await until(async () => (await pool.query('SELECT 1 FROM scheduler.zones')).rowCount === 2);
  return { pool, store, clock, scheduler };
}

const borrower = (n: number, at: string, zone?: string) => ({ borrowerId: `b-${n}`, locale: 'fr', preferences: {}, has: { email: true, phone: true }, at, ...(zone ? { zone } : {}) });

/** Plays the steps as the loan service would; messages are heard late, twice and in another order. */
async function live({ pool, store, clock, scheduler }: World, steps: readonly Step[], dice: fc.Stream<number>): Promise<void> {
  const loans = new Map<number, { loan: LoanSnapshot; open: boolean }>();
  let unheard: (() => Promise<void>)[] = [];
  const roll = (): number => dice.next().value as number;
  const hear = async (): Promise<void> => {
    const round = [...unheard, ...unheard.filter(() => roll() % 3 === 0)].map((tell) => ({ tell, order: roll() })).toSorted((a, b) => a.order - b.order);
    unheard = [];
    await Promise.all(round.map(({ tell }) => tell()));
  };
  for (const happens of steps) {
    if (happens.kind === 'wait') {
      await hear();
      clock.set(new Date(Date.parse(clock.now()) + happens.hours * 3_600_000).toISOString());
      await settled(pool, clock.now());
    } else if (happens.kind === 'policy') {
      await hear();
      await changePolicy({ store, clock, pool }, happens.at);
    } else if (happens.kind === 'move-house') {
      await moveHouse({ store, clock, pool }, happens);
    } else {
      const event = lend(loans, happens, clock.now());
      if (!event) continue;
      const id = randomUUID();
      await store.append(attributionStream(event.loan.attributionId), [{ id, type: event.type, data: { loan: event.loan, at: clock.now() } }], 'any');
      const at = clock.now();
      unheard.push(() => (event.type === 'AttributionReturned' ? scheduler.closed(event.loan, at) : scheduler.out(event.loan, at, id)));
    }
  }
  await hear();
  await settled(pool, clock.now());
}

function lend(loans: Map<number, { loan: LoanSnapshot; open: boolean }>, { kind, loan: n, days, duration }: Extract<Step, { kind: 'out' | 'move' | 'back' }>, now: string): { type: string; loan: LoanSnapshot } | undefined {
  const known = loans.get(n);
  const due = { date: addDays(now.slice(0, 10), days), zone: 'Europe/Paris', ...(duration < 2 ? { time: '15:30' } : {}) };
  if (!known && kind === 'out') {
    const loan = loanOf({ id: `a-${n}`, borrower: `b-${n % 3}`, duration: durations[duration]!, due });
    loans.set(n, { loan, open: true });
    return { type: 'AttributionCreated', loan };
  }
  if (!known?.open || kind === 'out') return undefined;
  const loan = kind === 'move' ? { ...known.loan, due, dueAt: dueInstant(due), dueVersion: known.loan.dueVersion + 1 } : known.loan;
  loans.set(n, { loan, open: kind === 'move' });
  return { type: kind === 'move' ? 'AttributionRescheduled' : 'AttributionReturned', loan };
}

async function changePolicy({ store, clock, pool }: Pick<World, 'store' | 'clock' | 'pool'>, at: string): Promise<void> {
  await settled(pool, clock.now());
  const book = await openPolicyBook(store, clock);
  const { policy, version } = book.active();
  const reminders = policy.ladders.LONG.reminders.map((rung) => ('daysBefore' in rung.when ? { ...rung, when: { ...rung.when, at } } : rung));
  await book.activate({ policy: { ...policy, ladders: { ...policy.ladders, LONG: { ...policy.ladders.LONG, reminders } } }, basedOn: version });
  await until(async () => (await pool.query('SELECT 1 FROM scheduler.schedules WHERE open AND policy_version <= $1', [version])).rowCount === 0);
}

/** Before or after what its loans' messages say is heard. */
async function moveHouse({ store, clock, pool }: Pick<World, 'store' | 'clock' | 'pool'>, { borrower: n, zone }: Extract<Step, { kind: 'move-house' }>): Promise<void> {
  await settled(pool, clock.now());
  await store.append(borrowerStream(`b-${n}`), [{ id: randomUUID(), type: 'BorrowerUpdated', data: borrower(n, clock.now(), zone) }], 'any');
  await until(async () => {
    const { rows } = await pool.query<{ known: string | null; behind: number }>(`SELECT (SELECT changes->-1->>'zone' FROM scheduler.zones WHERE borrower_id = $1) AS known,
      (SELECT count(*)::int FROM scheduler.schedules WHERE borrower_id = $1 AND open AND zone IS DISTINCT FROM $2) AS behind`, [`b-${n}`, zone || null]);
    return rows[0]!.behind === 0 && (rows[0]!.known ?? '') === zone;
  });
}

/** Nothing is due any more. */
const settled = (pool: Pool, now: string): Promise<void> =>
  until(async () => (await pool.query('SELECT 1 FROM scheduler.schedules WHERE next_at <= $1', [now])).rowCount === 0);

/** What matters of the table: every loan that is out with all its rungs, and which ones are not. */
async function tableOf(pool: Pool): Promise<unknown[]> {
  const { rows } = await pool.query<Record<string, unknown>>(`
    SELECT attribution_id, borrower_id, due_version, open, lent, zone, next_at,
      CASE WHEN open THEN plan END AS plan, CASE WHEN open THEN settled END AS settled, CASE WHEN open THEN basis END AS basis, CASE WHEN open THEN correlation END AS correlation, CASE WHEN open THEN policy_version END AS policy_version, recorded
    FROM scheduler.schedules ORDER BY attribution_id`);
  return rows.map((row) => (row.open ? row : { ...row, lent: undefined, zone: undefined, due_version: undefined }));
}
