import type { CancelAttribution, Clock, CreateAttribution, LoanSnapshot, RescheduleAttribution, ReturnAttribution, UpdateBorrower } from '@rappel/contracts';
import { handleCommand, isVersionConflict, readState, type Append, type EventStore, type Fold, type NewEvent } from '@rappel/event-store';
import { attributionFold, attributionStream, borrowerFold, borrowerStream, dueInstant, type Attribution, type AttributionEvent, type BorrowerEvent } from '@rappel/lending';
import type { Vault } from '@rappel/privacy';
import { v5 as uuidv5 } from 'uuid';
import { decideBorrower, type KnownBorrower } from '../borrower/decide.ts';
import { decide, type LoanCommand } from './decide.ts';
import { LoanRefused } from './refused.ts';

/** Where a command came from. The same `id` again changes nothing: event ids are derived from it. */
export interface Cause {
  /** UUID. */
  readonly id: string;
  readonly correlationId: string;
  readonly traceparent?: string;
  readonly actor?: string;
}

/** What is answered once the event store has it. */
export interface Stored {
  readonly id: string;
  /** Version of the stream afterwards. */
  readonly version: number;
  /** True when this command had been stored before, or changed nothing. */
  readonly duplicate: boolean;
}

export interface LoanRules {
  /** Deadline of a due moment without a time, `HH:mm`. */
  readonly closing: string;
  /** Zone of a due moment that names none, for a borrower who has none. */
  readonly zoneOf: (department: string | undefined) => string;
}

interface Known {
  readonly loan: Attribution;
  readonly causes: readonly (string | undefined)[];
}
const knownFold: Fold<Known> = {
  initial: { loan: attributionFold.initial, causes: [] },
  evolve: ({ loan, causes }, event) => ({ loan: attributionFold.evolve(loan, event), causes: [...causes, event.metadata.causationId] }),
};

const EVENT_IDS = '6f1d6b5e-8a0c-4d0e-9a2f-3b1f0a0f7c11';
const MOST_CONFLICTS = 8;

/** `at` of a command that names none, and events made ready for the store. */
function stamp(cause: Cause, events: readonly (AttributionEvent | BorrowerEvent)[]): NewEvent[] {
  return events.map((event, index) => ({
    ...event,
    id: uuidv5(`${cause.id}:${event.type}:${index}`, EVENT_IDS),
    metadata: {
      correlationId: cause.correlationId,
      causationId: cause.id,
      ...(cause.traceparent && { traceparent: cause.traceparent }),
      ...(cause.actor && { actor: cause.actor }),
    },
  }));
}

/** The loan service's use cases: validated commands in, stored events out. Refusals are `LoanRefused`. */
export function createLoans({ store, vault, clock, rules }: { store: EventStore; vault: Vault; clock: Clock; rules: LoanRules }) {
  const record = async (command: LoanCommand & { attributionId: string }, cause: Cause): Promise<Stored> => {
    const stream = attributionStream(command.attributionId);
    const { state, appended } = await handleCommand(store, knownFold, stream, ({ loan, causes }) =>
      causes.includes(cause.id) ? [] : stamp(cause, decide(command, loan)));
    return { id: command.attributionId, version: appended?.version ?? state.causes.length, duplicate: appended === undefined };
  };

  const knownBorrower = async (borrowerId: string): Promise<KnownBorrower & { version: number }> => {
    const { state, version } = await readState(store, borrowerFold, borrowerStream(borrowerId));
    if (state.status !== 'known') return { state, version };
    const opened = await vault.open(state.personal);
    return { state, version, ...(opened.state === 'open' && { fields: opened.fields }) };
  };

  const create = async (input: CreateAttribution, cause: Cause): Promise<Stored> => {
    const at = input.at ?? clock.now();
    const loan = snapshot(input, rules);
    const streams = { loan: attributionStream(loan.attributionId), borrower: borrowerStream(loan.borrowerId) };
    for (let round = 1; ; round++) {
      const [current, borrower] = await Promise.all([readState(store, knownFold, streams.loan), knownBorrower(loan.borrowerId)]);
      const unchanged = { id: loan.attributionId, version: current.version, duplicate: true };
      if (current.state.causes.includes(cause.id)) return unchanged;
      const appends: Append[] = [
        { stream: streams.borrower, events: stamp(cause, decideBorrower(input.borrower, borrower, at)), expected: borrower.version },
        { stream: streams.loan, events: stamp(cause, decide({ type: 'CreateAttribution', loan, at }, current.state.loan)), expected: current.version },
      ].filter(({ events }) => events.length > 0);
      if (appends.length === 0) return unchanged;
      try {
        await store.appendMany(appends);
        return { id: loan.attributionId, version: Math.max(1, current.version), duplicate: false };
      } catch (error) {
        if (!isVersionConflict(error) || round === MOST_CONFLICTS) throw error;
      }
    }
  };

  const reschedule = async (input: RescheduleAttribution, cause: Cause): Promise<Stored> => {
    const { state } = await readState(store, attributionFold, attributionStream(input.attributionId));
    if (state.status === 'absent') throw new LoanRefused('unknown-attribution', `attribution ${input.attributionId} is not known`);
    const due = { ...input.due, zone: input.due.zone ?? state.loan.due.zone };
    return record({ type: 'RescheduleAttribution', attributionId: input.attributionId, due, dueAt: dueInstant(due, rules.closing), at: input.at ?? clock.now() }, cause);
  };

  const giveBack = ({ attributionId, returnedAt, at = clock.now() }: ReturnAttribution, cause: Cause): Promise<Stored> =>
    record({ type: 'ReturnAttribution', attributionId, returnedAt: returnedAt ?? at, at }, cause);

  const cancel = ({ attributionId, reason, at = clock.now() }: CancelAttribution, cause: Cause): Promise<Stored> =>
    record({ type: 'CancelAttribution', attributionId, ...(reason && { reason }), at }, cause);

  const updateBorrower = async ({ borrower, at = clock.now() }: UpdateBorrower, cause: Cause): Promise<Stored> => {
    for (let round = 1; ; round++) {
      const known = await knownBorrower(borrower.id);
      const events = stamp(cause, decideBorrower(borrower, known, at));
      if (events.length === 0) return { id: borrower.id, version: known.version, duplicate: true };
      try {
        const { version, duplicate } = await store.append(borrowerStream(borrower.id), events, known.version);
        return { id: borrower.id, version, duplicate };
      } catch (error) {
        if (!isVersionConflict(error) || round === MOST_CONFLICTS) throw error;
      }
    }
  };

  return { create, reschedule, giveBack, cancel, updateBorrower, record, knownBorrower };
}
export type Loans = ReturnType<typeof createLoans>;

function snapshot({ borrower, due, attributionId, item, duration, department, category }: CreateAttribution, rules: LoanRules): LoanSnapshot {
  const resolved = { ...due, zone: due.zone ?? borrower.zone ?? rules.zoneOf(department) };
  return {
    attributionId, borrowerId: borrower.id,
    ...(department && { department }), ...(category && { category }),
    item, duration, due: resolved, dueAt: dueInstant(resolved, rules.closing), dueVersion: 1,
  };
}
