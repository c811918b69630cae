import { isEventRefused, isVersionConflict, type EventStore } from '@rappel/event-store';
import type { Pool } from '@rappel/postgres';
import { compose, type Woken } from './compose.ts';
import { scheduleStream, settledBy } from './events.ts';
import type { PolicyBook } from './policies.ts';
import type { Policy } from './policy.ts';
import type { Rung, RungType, SkipReason } from './rung.ts';
import { nextRung, settle, type Schedule } from './schedule.ts';
import { claim, type Changed, type Claim } from './table.ts';
import { afterwards, told, wake, type Output } from './wake.ts';

export interface EmitOptions {
  readonly pool: Pool;
  readonly store: EventStore;
  readonly book: PolicyBook;
  /** Business time. */
  readonly now: string;
  /** Most loans of one emission. */
  readonly limit: number;
}

/** What one emission did. */
export interface Emission {
  /** Loans attended to. */
  readonly loans: number;
  /** Loans that were told something. */
  readonly told: number;
  /** What became of each rung: told, and how long after its moment (ms of business time), or why not. */
  readonly settled: readonly { readonly type: RungType; readonly outcome: 'told' | SkipReason; readonly lateMs: number }[];
}

const MOST_CONFLICTS = 5;

/** Claims what is due, with what may go out together with it; undefined when there is nothing, or others are at it. */
export function claimDue({ pool, book, now, limit }: EmitOptions): Promise<Claim | undefined> {
  const { policy } = book.active();
  return claim(pool, book, { limit, now, companionsUntil: later(now, policy.grouping.types.length > 0 ? policy.grouping.windowMinutes : 0) });
}

/**
 * Stores the events that follow from what was claimed and moves the loans on. Dying anywhere in between leaves the loans due:
 * what was stored already is met again under the same ids, or refused by the stream's version, and the stream then says what
 * is settled.
 */
export async function emit(claimed: Claim, { store, book, now }: EmitOptions): Promise<Emission> {
  const { policy } = book.active();
  try {
    let schedules = claimed.schedules;
    for (let conflicts = 0; ; conflicts++) {
      const woken = attendTo(schedules, claimed.due, { policy, now });
      const changed = await storeAll(store, woken, policy, now).catch((error: unknown) => {
        // Refused: the stream holds some of these events, but not all.
        if (!(isVersionConflict(error) || isEventRefused(error)) || conflicts === MOST_CONFLICTS) throw error;
      });
      if (changed) {
        await claimed.finish(changed.all, changed.fromStreams || conflicts > 0);
        return { loans: woken.length, told: woken.filter(({ outputs }) => told(outputs)).length, settled: woken.flatMap(({ outputs }) => outcomesOf(outputs, now)) };
      }
      schedules = await Promise.all(schedules.map((schedule) => asRecorded(store, schedule)));
    }
  } catch (error) {
    // The locks may be gone already with a broken connection: the first error is the one to tell.
    await claimed.release().catch(() => {});
    throw error;
  }
}

const outcomesOf = (outputs: readonly Output[], now: string): Emission['settled'] => outputs.flatMap((output) => {
  if (output.kind !== 'emit' && output.kind !== 'ignore') return [];
  const { type, at } = output.rung;
  return [{ type, outcome: output.kind === 'emit' ? 'told' as const : output.reason, lateMs: Math.max(0, Date.parse(now) - Date.parse(at)) }];
});

/** Wakes what is due, and the companions of what is told that fall in its window. */
function attendTo(schedules: readonly Schedule[], claimedDue: number, { policy, now }: { policy: Policy; now: string }): Woken[] {
  const awake = (schedule: Schedule, at: string): Woken => ({ schedule, outputs: wake(schedule, at, { policy }) });
  // Also those that are not due after all, e.g. since other rules of a zone came with a newer machine: they are moved on.
  const wants = (schedule: Schedule, place: number): boolean => place < claimedDue || isDue(schedule, now);
  const [due, ahead] = [schedules.filter(wants), schedules.filter((schedule, place) => !wants(schedule, place))];
  const woken = due.map((schedule) => awake(schedule, now));
  const kinds = new Set(woken.flatMap(({ schedule, outputs }) => kindOf(schedule, told(outputs)?.type)));
  const companions = ahead.flatMap((schedule): Woken[] => {
    const rung = nextRung(schedule);
    const [kind] = kindOf(schedule, rung?.type);
    return rung && kind && policy.grouping.types.includes(rung.type) && kinds.has(kind) && mayComeEarly(rung, schedule, now) ? [awake(schedule, rung.at)] : [];
  });
  return [...woken, ...companions];
}

/** Nobody is called late before the deadline, in whatever company. */
const mayComeEarly = ({ type }: Rung, { loan }: Schedule, now: string): boolean => type !== 'RETARD' || loan.dueAt <= now;

const kindOf = ({ loan }: Schedule, type: string | undefined): string[] => (type ? [`${loan.borrowerId} ${type}`] : []);

function isDue(schedule: Schedule, now: string): boolean {
  const rung = nextRung(schedule);
  return rung === undefined || rung.skip !== undefined || rung.at <= now;
}

async function storeAll(store: EventStore, woken: readonly Woken[], policy: Policy, now: string): Promise<{ all: Changed[]; fromStreams: boolean }> {
  const appends = compose(woken, policy, now);
  const answers = new Map((appends.length > 0 ? await store.appendMany(appends) : []).map((answer) => [answer.stream, answer]));
  const fromStreams = [...answers.values()].some(({ duplicate }) => duplicate);
  const all = await Promise.all(woken.map(async ({ schedule, outputs }): Promise<Changed> => {
    const answer = answers.get(scheduleStream(schedule.loan.attributionId));
    const after = answer?.duplicate ? await asRecorded(store, schedule) : { ...afterwards(schedule, outputs), recorded: answer?.version ?? schedule.recorded };
    return { schedule: after, next: outputs.find((output) => output.kind === 'remindAt')?.at };
  }));
  return { all, fromStreams };
}

/** The schedule as its stream says: what is settled there is settled. */
async function asRecorded(store: EventStore, schedule: Schedule): Promise<Schedule> {
  const { attributionId, dueVersion } = schedule.loan;
  const events = await store.readStream(scheduleStream(attributionId));
  return { ...schedule, recorded: events.length, rungs: settle(schedule.rungs, settledBy(events, dueVersion)) };
}

const later = (at: string, minutes: number): string => new Date(Date.parse(at) + minutes * 60_000).toISOString();
