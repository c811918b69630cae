import type { LoanSnapshot } from '@rappel/contracts';
import type { Pool } from '@rappel/postgres';
import { livingZone, plan, type ExplainedRung } from './plan.ts';
import type { PolicyBook } from './policies.ts';
import type { ActivePolicy, Policy } from './policy.ts';
import { rungKey, type Rung } from './rung.ts';
import { nextRung, underNewPolicy, type Circumstances, type Schedule } from './schedule.ts';
import { schedulesByBorrower } from './table.ts';

/** What a loan will send, when and why, as plain data for people and tables. */
export interface Preview {
  readonly zone: string;
  readonly rungs: readonly ExplainedRung[];
}

/** For a loan that may not exist: pure, so a command line can ask without a server. */
export function previewLoan({ loan, zone, active, at }: { loan: LoanSnapshot; zone?: string; active: ActivePolicy; at: string }): Preview {
  return { zone: livingZone(active.policy, loan, zone), rungs: plan({ loan, ...(zone ? { zone } : {}), basis: at, active }) };
}

/** A loan's own schedule with the reasoning behind each rung, under the policy and in the zone that it was planned with. */
export function explain(schedule: Schedule, { policies, zones }: Circumstances): ExplainedRung[] {
  const lived = new Set([schedule.zone, undefined, ...zones.map(({ zone }) => zone)]);
  const reasons = new Map(policies.flatMap((active) => [...lived].flatMap((zone) =>
    plan({ loan: schedule.loan, ...(zone ? { zone } : {}), basis: schedule.basis, active }).map(({ why, ...rung }) => [planKey(rung), why]))));
  return schedule.rungs.map((rung) => ({ ...rung, why: reasons.get(planKey(rung)) ?? 'as recorded' }));
}

const planKey = (rung: Rung): string => `${rung.policy} ${rungKey(rung)} ${rung.at}`;

/** What a change of policy would do to the loans that are out. Reminders count loans, messages count what borrowers get. */
export interface PolicyPreview {
  readonly loans: number;
  readonly loansChanged: number;
  readonly byType: Readonly<Record<string, { before: Counts; after: Counts }>>;
  /** The first changes met, to look at. */
  readonly examples: readonly { attributionId: string; before: readonly string[]; after: readonly string[] }[];
}
interface Counts { reminders: number; messages: number }

const MOST_EXAMPLES = 20;

/** Goes through every loan that is out, some thousand at a time; changes nothing. */
export async function previewPolicy(pool: Pool, { book, policy, at }: { book: PolicyBook; policy: Policy; at: string }): Promise<PolicyPreview> {
  const current = book.active();
  const next: ActivePolicy = { version: current.version + 1, at, policy };
  const totals: Record<string, { before: Counts; after: Counts }> = {};
  const examples: PolicyPreview['examples'][number][] = [];
  let [loans, loansChanged] = [0, 0];
  for await (const ofOneBorrower of schedulesByBorrower(pool, book)) {
    const before = ofOneBorrower.filter(nextRung);
    const after = ofOneBorrower.map((schedule) => underNewPolicy(schedule, next));
    count(totals, 'before', before, current.policy);
    count(totals, 'after', after, policy);
    loans += ofOneBorrower.length;
    for (const [i, schedule] of ofOneBorrower.entries()) {
      const [was, will] = [toCome(schedule).map(inWords), toCome(after[i]!).map(inWords)];
      if (was.join() === will.join()) continue;
      loansChanged += 1;
      if (examples.length < MOST_EXAMPLES) examples.push({ attributionId: schedule.loan.attributionId, before: was, after: will });
    }
  }
  return { loans, loansChanged, byType: totals, examples };
}

const toCome = ({ rungs }: Pick<Schedule, 'rungs'>): Rung[] => rungs.filter(({ done, skip }) => done === undefined && skip === undefined);
const inWords = ({ type, n, at }: Rung): string => `${rungKey({ type, n })} ${at}`;

/** Reminders, and the messages that they go out in: what is told within the window after a borrower's first of a kind goes with it. */
function count(totals: Record<string, { before: Counts; after: Counts }>, side: 'before' | 'after', schedules: readonly Schedule[], { grouping }: Policy): void {
  const begun = new Map<string, string>();
  const tellings = schedules.flatMap(({ loan, ...schedule }) => toCome(schedule).map((rung) => ({ rung, dueAt: loan.dueAt }))).toSorted((a, b) => (a.rung.at < b.rung.at ? -1 : 1));
  for (const { rung, dueAt } of tellings) {
    const total = totals[rung.type] ??= { before: { reminders: 0, messages: 0 }, after: { reminders: 0, messages: 0 } };
    total[side].reminders += 1;
    const kind = `${rungKey(rung)} ${rung.channels?.join() ?? ''}`;
    if (grouping.types.includes(rung.type) && goesWith(begun.get(kind), { rung, dueAt }, grouping.windowMinutes)) continue;
    begun.set(kind, rung.at);
    total[side].messages += 1;
  }
}

function goesWith(first: string | undefined, { rung, dueAt }: { rung: Rung; dueAt: string }, windowMinutes: number): boolean {
  if (first === undefined || Date.parse(rung.at) - Date.parse(first) > windowMinutes * 60_000) return false;
  // Nobody is called late before the deadline, in whatever company.
  return rung.type !== 'RETARD' || dueAt <= first;
}
