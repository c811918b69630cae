import type { CancelAttribution, Channel, Clock, CreateAttribution, Due, LoanSnapshot, RescheduleAttribution, ReturnAttribution } from '@rappel/contracts';
import { handleCommand, isVersionConflict, readState, type Append, type EventStore } from '@rappel/event-store';
import { attributionFold, attributionStream, borrowerStream, dueInstant, reachableOn, resolveDue, type Attribution, type AttributionEvent, type Borrower, type BorrowerEvent, type DueRules } from '@rappel/lending';
import { isDeepStrictEqual } from 'node:util';
import { refuseOtherBorrower, type Borrowers } from '../borrower/commands.ts';
import { decideBorrower } from '../borrower/decide.ts';
import { MOST_CONFLICTS, stamp, toldBy, withCauses, type Cause, type Caused, type Stored } from '../stored.ts';
import { decide, type LoanCommand } from './decide.ts';
import { LoanRefused } from './refused.ts';

const fold = withCauses(attributionFold);

interface LoanParts {
  readonly store: EventStore;
  readonly borrowers: Borrowers;
  readonly clock: Clock;
  readonly rules: DueRules;
}

/** The use cases about loans: validated commands in, stored events out. A broken rule is a `LoanRefused`. */
export function createLoans({ store, borrowers, clock, rules }: LoanParts) {
  /** `isSaid`: whether what is stored under the same id is what is asked for now. Default: it is. */
  const record = async (command: LoanCommand & { attributionId: string }, cause: Cause, isSaid: IsSaid = () => true): Promise<Stored> => {
    const stream = attributionStream(command.attributionId);
    const { state, appended } = await handleCommand(store, fold, stream, (before) =>
      isRepeated(before, cause, isSaid) ? [] : stamp(cause, decide(command, before.state)));
    return { id: command.attributionId, version: appended?.version ?? state.told.length, duplicate: appended === undefined };
  };

  /** Records the loan and, where they are new or changed, the borrower: both or neither. */
  const create = async (input: CreateAttribution, cause: Cause): Promise<Stored> => {
    const at = input.at ?? clock.now();
    const loan = snapshot(input, rules);
    const stream = attributionStream(loan.attributionId);
    for (let round = 1; ; round++) {
      const [{ state: before, version }, borrower] = await Promise.all([readState(store, fold, stream), borrowers.known(loan.borrowerId)]);
      const unchanged = { id: loan.attributionId, version, duplicate: true };
      // Somebody who was forgotten stays so until upstream updates them expressly.
      const changes = borrower.state.status === 'forgotten' ? [] : decideBorrower(input.borrower, borrower, at);
      if (isRepeated(before, cause, (told) => told.type === 'AttributionCreated' && isSameLoan(told.data.loan, loan, input.due))) {
        refuseOtherBorrower(borrower, cause, changes);
        return unchanged;
      }
      const appends: Append[] = [
        { stream: borrowerStream(loan.borrowerId), events: stamp(cause, changes), expected: borrower.version },
        { stream, events: stamp(cause, decide({ type: 'CreateAttribution', loan, at }, before.state), onlyChannels(changes, borrower.state)), expected: version },
      ].filter(({ events }) => events.length > 0);
      if (appends.length === 0) return unchanged;
      try {
        await store.appendMany(appends);
        return { id: loan.attributionId, version: Math.max(1, version), duplicate: false };
      } catch (error) {
        if (!isVersionConflict(error) || round === MOST_CONFLICTS) throw error;
      }
    }
  };

  const find = async (attributionId: string): Promise<Exclude<Attribution, { status: 'absent' }>> => {
    const { state } = await readState(store, attributionFold, attributionStream(attributionId));
    if (state.status === 'absent') throw new LoanRefused('unknown-attribution', `attribution ${attributionId} is not known`);
    return state;
  };

  const reschedule = async (input: RescheduleAttribution, cause: Cause): Promise<Stored> => {
    const { loan } = await find(input.attributionId);
    const due = { ...input.due, zone: input.due.zone ?? loan.due.zone };
    return record({ type: 'RescheduleAttribution', attributionId: input.attributionId, due, dueAt: dueInstant(due, rules.closing), at: input.at ?? clock.now() }, cause,
      (told) => told.type === 'AttributionRescheduled' && isSameDue(told.data.loan.due, input.due));
  };

  const giveBack = ({ attributionId, returnedAt, at = clock.now() }: ReturnAttribution, cause: Cause): Promise<Stored> =>
    record({ type: 'ReturnAttribution', attributionId, returnedAt: returnedAt ?? at, at }, cause,
      (told) => told.type === 'AttributionReturned' && (returnedAt === undefined || told.data.returnedAt === returnedAt));

  const cancel = ({ attributionId, reason, at = clock.now() }: CancelAttribution, cause: Cause): Promise<Stored> =>
    record({ type: 'CancelAttribution', attributionId, ...(reason && { reason }), at }, cause,
      (told) => told.type === 'AttributionCancelled' && told.data.reason === (reason || undefined));

  return { create, reschedule, giveBack, cancel, record, find };
}
type IsSaid = (told: AttributionEvent) => boolean;

/** Whether a command came before under its id. An id that was used for something else says so: taken for a repetition, the second thing would be lost. */
function isRepeated(before: Caused<Attribution>, cause: Cause, isSaid: IsSaid): boolean {
  const told = toldBy(before, cause);
  if (told && !isSaid(told as unknown as AttributionEvent)) throw new LoanRefused('id-reused', `the id was used before, for ${told.type} with other content: give each event its own`);
  return told !== undefined;
}

/**
 * The channel to tell a borrower on who can be reached on one alone, so that the other need not look. It goes with the event: the borrower
 * may be changed before the loan is stored, and both channels have to hear the same.
 */
function onlyChannels(changes: readonly BorrowerEvent[], before: Borrower): Channel[] | undefined {
  const latest = changes.at(-1);
  const facts = latest && 'has' in latest.data ? latest.data : before.status === 'known' && before.facts;
  const reachable = facts ? reachableOn(facts) : [];
  return reachable.length === 1 ? reachable : undefined;
}

type GivenDue = CreateAttribution['due'];
/** A zone that upstream did not give depends on the configuration, which may have changed since. */
const isSameDue = (told: Due, { date, time, zone = told.zone }: GivenDue): boolean => told.date === date && told.time === time && told.zone === zone;

/** Whether upstream says the same of a loan as before. */
const isSameLoan = (told: LoanSnapshot, loan: LoanSnapshot, due: GivenDue): boolean =>
  isSameDue(told.due, due) && isDeepStrictEqual(essence(told), essence(loan));
const essence = ({ borrowerId, department, category, item, duration }: LoanSnapshot): object => ({ borrowerId, department, category, item, duration });

export type Loans = ReturnType<typeof createLoans>;

function snapshot({ borrower, due, attributionId, item, duration, department, category }: CreateAttribution, rules: DueRules): LoanSnapshot {
  return {
    attributionId, borrowerId: borrower.id,
    ...(department && { department }), ...(category && { category }),
    item, duration, ...resolveDue(due, { zone: borrower.zone, department }, rules), dueVersion: 1,
  };
}
