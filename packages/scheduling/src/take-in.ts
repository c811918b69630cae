import type { LoanSnapshot } from '@rappel/contracts';
import type { RecordedEvent } from '@rappel/event-store';
import { inTransaction, type Client, type Pool } from '@rappel/postgres';
import type { PolicyBook } from './policies.ts';
import type { ActivePolicy } from './policy.ts';
import { nextAt, plannedAgain, planThrough, type Circumstances, type Schedule, type ZoneChange } from './schedule.ts';
import { lockBorrowers, lockOutdated, outranks, put, write, type Changed } from './table.ts';
import { anyMoves, holdZones, keepZones, zonesNow, zonesOf } from './zones.ts';

/** What an event says about a loan. */
export interface LoanNews {
  readonly loan: LoanSnapshot;
  /** False: it is back or cancelled. */
  readonly open: boolean;
  /** Business time. */
  readonly at: string;
  readonly correlationId?: string;
}

interface TakenIn {
  /** One per loan. */
  readonly schedules: readonly Schedule[];
  /** What cannot be planned, e.g. in a zone that this machine does not know, and why. */
  readonly refused: ReadonlyMap<LoanNews, unknown>;
}

/** Plans what loans' events say, in any order and number of repetitions. */
export async function takeInLoans(pool: Pool, news: readonly LoanNews[], policies: readonly ActivePolicy[]): Promise<TakenIn> {
  // When a borrower has just moved, with zones held: where many move at once the next try would meet the next move.
  return await takeIn(pool, news, policies) ?? inTransaction(pool, async (client) => {
    await holdZones(client);
    return takeInHeld(client, news, policies);
  });
}

/** The same for whoever holds the zones. */
export const takeInHeld = async (client: Client, news: readonly LoanNews[], policies: readonly ActivePolicy[]): Promise<TakenIn> => (await takeIn(client, news, policies))!;

/** Undefined = a borrower has moved meanwhile: nothing is stored. */
async function takeIn(db: Pool | Client, news: readonly LoanNews[], policies: readonly ActivePolicy[]): Promise<TakenIn | undefined> {
  const { zones, moves } = await zonesNow(db, news.map(({ loan }) => loan.borrowerId));
  const taken = planned(news, { policies, zones });
  return await put(db, taken.schedules, { policies, moves }) ? taken : undefined;
}

function planned(news: readonly LoanNews[], { policies, zones }: { policies: readonly ActivePolicy[]; zones: ReadonlyMap<string, readonly ZoneChange[]> }): TakenIn {
  const latest = new Map<string, Schedule>();
  const refused = new Map<LoanNews, unknown>();
  for (const event of news) {
    try {
      const schedule = scheduleFrom(event, { policies, zones: zones.get(event.loan.borrowerId) ?? [] });
      const known = latest.get(event.loan.attributionId);
      if (!known || outranks(schedule, known)) latest.set(event.loan.attributionId, schedule);
    } catch (error) {
      refused.set(event, error);
    }
  }
  return { schedules: [...latest.values()], refused };
}

function scheduleFrom({ loan, open, at, correlationId }: LoanNews, circumstances: Circumstances): Schedule {
  if (open) return planThrough({ loan, basis: at, ...(correlationId ? { correlationId } : {}), ...circumstances });
  return { loan, open: false, basis: at, rungs: [], policyVersion: circumstances.policies.at(-1)!.version, recorded: 0 };
}

/** Plans the open loans of borrowers who moved to another zone anew; resolves to the number of loans. */
export async function takeInBorrowers(pool: Pool, events: readonly RecordedEvent[], book: PolicyBook): Promise<number> {
  if (events.length === 0 || !await anyMoves(pool, events)) return 0;
  return inTransaction(pool, async (client) => {
    const moved = await keepZones(client, events);
    return moved.length === 0 ? 0 : planAgain(client, await lockBorrowers(client, book, moved), book.all());
  });
}

/**
 * Plans open loans anew that were planned under an older policy, one page after `after`.
 * Resolves to the page's last loan, undefined after the last page.
 */
export async function replanPage(pool: Pool, { book, after, limit }: { book: PolicyBook; after: string; limit: number }): Promise<string | undefined> {
  return inTransaction(pool, async (client) => {
    await holdZones(client);
    const schedules = await lockOutdated(client, book, { version: book.active().version, after, limit });
    await planAgain(client, schedules, book.all());
    return schedules.at(-1)?.loan.attributionId;
  });
}

async function planAgain(client: Client, schedules: readonly Schedule[], policies: readonly ActivePolicy[]): Promise<number> {
  const zones = await zonesOf(client, schedules.map(({ loan }) => loan.borrowerId));
  await write(client, schedules.map((schedule): Changed => {
    const again = plannedAgain(schedule, { policies, zones: zones.get(schedule.loan.borrowerId) ?? [] });
    return { schedule: again, next: nextAt(again) };
  }), policies);
  return schedules.length;
}
