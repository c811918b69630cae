import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock, LoanSnapshot } from '@rappel/contracts';
import type { EventStore, RecordedEvent } from '@rappel/event-store';
import type { Pool } from '@rappel/postgres';
import { claimDue, emit, type EmitOptions, type Emission } from './emit.ts';
import { scheduleStream } from './events.ts';
import { createGatherer } from './gather.ts';
import type { PolicyBook } from './policies.ts';
import type { Policy } from './policy.ts';
import type { ExplainedRung } from './plan.ts';
import { explain, previewPolicy, type PolicyPreview } from './preview.ts';
import { reachedBefore, rebuildSchedules, saveReached } from './rebuild.ts';
import { nextAt, type Schedule } from './schedule.ts';
import { find, soonest, type Claim } from './table.ts';
import { replanPage, takeInBorrowers, takeInLoans, type LoanNews } from './take-in.ts';
import { zonesOf } from './zones.ts';

export interface SchedulerOptions {
  readonly store: EventStore;
  readonly pool: Pool;
  readonly clock: Clock;
  readonly book: PolicyBook;
  /** Most loans of one emission. Default 1000. */
  readonly batch?: number;
  /**
   * Real milliseconds after which an idle instance looks again, for what another one planned before it died. Default 10 000.
   */
  readonly lookAgainMs?: number;
  /** Real milliseconds in which what is to be planned is gathered after something was planned: nobody waits for it, and a transaction for each loan costs more than its plan. Default 0. */
  readonly restMs?: number;
  /** Told of each emission. */
  readonly onEmission?: (emission: Emission) => void;
  /** Told of each failure that is tried again, e.g. a database that is away. */
  readonly onFailure?: (error: unknown) => void;
}

/** Plans loans and says so when their moments come. Any number of instances may share a database. */
export interface Scheduler {
  /**
   * A loan is out, or due at another moment. Resolves when the plan is stored. In any order, any number of times.
   * @param correlationId conversation that what is told belongs to; default: each event begins one
   */
  out(loan: LoanSnapshot, at: string, correlationId?: string): Promise<void>;
  /** A loan is back or cancelled: nothing more is told. */
  closed(loan: LoanSnapshot, at: string): Promise<void>;
  find(attributionId: string): Promise<Schedule | undefined>;
  /** A loan's schedule with the reasoning behind each of its rungs. */
  explained(attributionId: string): Promise<Omit<Schedule, 'rungs'> & { readonly rungs: readonly ExplainedRung[] } | undefined>;
  /** What its stream holds, oldest first. */
  recorded(attributionId: string): Promise<RecordedEvent[]>;
  /** What a policy would change for the loans that are out if it came into force at `at`. Changes nothing. */
  preview(policy: Policy, at: string): Promise<PolicyPreview>;
  /** Empties the table and fills it again from the events. Resolves to the number of loans. */
  rebuild(): Promise<number>;
  /** The moment at which the first loan wants attention; undefined when none does. */
  soonest(): Promise<string | undefined>;
  start(): void;
  /** Finishes the emission under way. */
  stop(): Promise<void>;
}

const AT_ONCE = 2;
const SHORTEST_MS = 20;
const LONGEST_RETRY_MS = 5000;
const SAVE_EVERY_MS = 5000;
const REST_MS = 250;
const LONGEST_HEARING_MS = 30_000;

export function createScheduler({ store, pool, clock, book, batch = 1000, lookAgainMs = 10_000, restMs = 0, onEmission, onFailure }: SchedulerOptions): Scheduler {
  const stopping = new AbortController();
  const alarm = createAlarm();
  let running: Promise<unknown> = Promise.resolve();
  let hearZones = (): void => {};
  // Nobody is told by a clock that they left while this instance was away.
  const zonesHeard = new Promise<void>((resolve) => { hearZones = resolve; });

  const news = createGatherer<LoanNews>(async (round) => {
    const { schedules, refused } = await takeInLoans(pool, round, book.all());
    alarm.ring(schedules.reduce((first, schedule) => { const at = nextAt(schedule); return at !== undefined && at < first ? at : first; }, LATEST));
    return refused;
  }, { restMs });

  /** One emission is claimed while another is being stored. */
  async function emitWhatIsDue(): Promise<void> {
    await Promise.race([zonesHeard, pause(LONGEST_HEARING_MS, stopping.signal)]);
    const underWay = new Set<Promise<void>>();
    const broken: unknown[] = [];
    for (let failures = 0, heldElsewhere = 0; !stopping.signal.aborted;) {
      try {
        const options = { pool, store, book, now: clock.now(), limit: batch };
        const claimed = await claimDue(options);
        if (claimed) {
          const emission = emitClaimed(claimed, options, broken);
          underWay.add(emission);
          void emission.finally(() => underWay.delete(emission));
        }
        heldElsewhere = await makeRoom(underWay, claimed !== undefined, heldElsewhere);
        if (broken.length > 0) throw broken.pop();
        failures = 0;
      } catch (error) {
        onFailure?.(error);
        await pause(Math.min(LONGEST_RETRY_MS, 50 * 2 ** failures++), stopping.signal);
      }
    }
    await Promise.allSettled(underWay);
  }

  /** Waits until claiming again makes sense. */
  async function makeRoom(underWay: ReadonlySet<Promise<void>>, claimed: boolean, heldElsewhere: number): Promise<number> {
    if (underWay.size === AT_ONCE) await Promise.race(underWay);
    else if (!claimed && underWay.size > 0) await Promise.all(underWay);
    else if (!claimed) return waitForNext(heldElsewhere);
    return 0;
  }

  /** Never rejects: what went wrong is told through `broken` when the loop comes round. */
  async function emitClaimed(claimed: Claim, options: EmitOptions, broken: unknown[]): Promise<void> {
    try {
      const emission = await emit(claimed, options);
      onEmission?.(emission);
    } catch (error) {
      broken.push(error);
    }
  }

  /** Sleeps until something may be due; counts how often in a row what is due was held by others. */
  async function waitForNext(heldElsewhere: number): Promise<number> {
    const armed = alarm.arm();
    const at = await soonest(pool);
    if (at !== undefined && at <= clock.now()) {
      await armed.wait(Math.min(500, SHORTEST_MS * 2 ** heldElsewhere), stopping.signal);
      return heldElsewhere + 1;
    }
    armed.until(at ?? LATEST);
    const giveUp = performance.now() + lookAgainMs;
    while (!stopping.signal.aborted && !armed.rang()) {
      const ms = Math.min(at === undefined ? lookAgainMs : clock.realMsUntil(at), giveUp - performance.now());
      if (ms <= 0) break;
      await armed.wait(ms, stopping.signal);
    }
    return 0;
  }

  async function replanAll(): Promise<void> {
    await news.idle();
    let after: string | undefined = '';
    while (after !== undefined && !stopping.signal.aborted) after = await replanPage(pool, { book, after, limit: batch });
    alarm.ring('');
  }

  /** Where borrowers live; what they prefer and which language they speak is read when something is sent. */
  async function followBorrowers(): Promise<void> {
    let saved = performance.now();
    for await (const { events, checkpoint, caughtUp } of store.subscribe({ categories: ['borrower'], after: await reachedBefore(pool), signal: stopping.signal })) {
      if (await takeInBorrowers(pool, events, book) > 0) alarm.ring('');
      if (caughtUp) hearZones();
      if (events.length === 0) continue;
      // What is read twice changes nothing.
      if (performance.now() - saved >= SAVE_EVERY_MS) {
        await saveReached(pool, checkpoint);
        saved = performance.now();
      }
      // Seldom does a borrower move, and each new one is an event: who comes meanwhile is looked at together.
      if (caughtUp) await pause(REST_MS, stopping.signal);
    }
  }

  const followPolicies = (): Promise<void> => keepOn(() => book.follow(stopping.signal, replanAll));

  /** Begins again after each failure, until it is stopped. */
  async function keepOn(work: () => Promise<void>): Promise<void> {
    for (let failures = 0; !stopping.signal.aborted; failures++) {
      await work().catch((error: unknown) => onFailure?.(error));
      await pause(Math.min(LONGEST_RETRY_MS, 50 * 2 ** failures), stopping.signal);
    }
  }

  return {
    recorded: (attributionId) => store.readStream(scheduleStream(attributionId)),
    preview: (policy, at) => previewPolicy(pool, { book, policy, at }),
    rebuild: async () => {
      const loans = await rebuildSchedules({ pool, store, book });
      alarm.ring('');
      return loans;
    },
    soonest: () => soonest(pool),
    find: (attributionId) => find(pool, book, attributionId),
    explained: async (attributionId) => {
      const schedule = await find(pool, book, attributionId);
      if (!schedule) return undefined;
      const { borrowerId } = schedule.loan;
      const zones = (await zonesOf(pool, [borrowerId])).get(borrowerId) ?? [];
      return { ...schedule, rungs: explain(schedule, { policies: book.all(), zones }) };
    },
    out: (loan, at, correlationId) => news.add({ loan, open: true, at, ...(correlationId ? { correlationId } : {}) }),
    closed: (loan, at) => news.add({ loan, open: false, at }),
    start: () => { running = Promise.all([emitWhatIsDue(), followPolicies(), keepOn(followBorrowers)]); },
    stop: async () => {
      stopping.abort();
      await running;
      await news.idle();
    },
  };
}

const LATEST = '9999';

const pause = (ms: number, signal: AbortSignal): Promise<void> => sleep(ms, undefined, { signal }).catch(() => {});

/** Wakes a sleeper early when something is planned sooner than what it waits for. */
function createAlarm() {
  let waitingFor = '';
  let rang = true;
  let wakeUp = (): void => {};
  return {
    ring: (at: string): void => {
      if (at >= waitingFor && waitingFor !== '') return;
      rang = true;
      wakeUp();
    },
    arm: () => {
      rang = false;
      waitingFor = LATEST;
      return {
        until: (at: string): void => { waitingFor = at; },
        rang: (): boolean => rang,
        wait: async (ms: number, signal: AbortSignal): Promise<void> => {
          if (rang) return;
          const woken = new AbortController();
          wakeUp = () => woken.abort();
          await pause(ms, AbortSignal.any([signal, woken.signal]));
          wakeUp = () => {};
        },
      };
    },
  };
}
