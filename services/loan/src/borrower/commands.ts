import { hash } from 'node:crypto';
import type { Clock, UpdateBorrower } from '@rappel/contracts';
import { isVersionConflict, readState, type EventStore, type NewEvent } from '@rappel/event-store';
import { borrowerFold, borrowerStream, type BorrowerFacts } from '@rappel/lending';
import { maskAddress, maskName, REDACTED, type Vault } from '@rappel/privacy';
import { LoanRefused } from '../loan/refused.ts';
import { createRecent } from '../recent.ts';
import { MOST_CONFLICTS, stamp, toldBy, withCauses, type Cause, type Caused, type Stored } from '../stored.ts';
import { decideBorrower, type KnownBorrower } from './decide.ts';

const fold = withCauses(borrowerFold);

/** The use cases about borrowers. */
export function createBorrowers({ store, vault, clock }: { store: EventStore; vault: Vault; clock: Clock }) {
  const known = async (borrowerId: string): Promise<KnownBorrower & Pick<Caused<unknown>, 'told'> & { version: number }> => {
    const { state: { state, told }, version } = await readState(store, fold, borrowerStream(borrowerId));
    if (state.status !== 'known') return { state, version, told };
    const opened = await vault.open(state.personal);
    return { state, version, told, ...(opened.state === 'open' && { fields: opened.fields }) };
  };

  // An update that changes nothing leaves no event: coming again after later ones it would take the borrower back.
  const unchanged = createRecent();
  const changesOf = ({ borrower, at }: Required<UpdateBorrower>, current: Remembered, cause: Cause): NewEvent[] => {
    const what = `${cause.id} ${hash('sha1', JSON.stringify(borrower))}`;
    const wanted = unchanged.has(what) ? [] : decideBorrower(borrower, current, at);
    if (wanted.length === 0) unchanged.add(what);
    return isRepeated(current, cause, wanted) ? [] : stamp(cause, wanted);
  };

  /** The borrower as upstream says they are now. Of somebody forgotten this is new consent: a new key is made. */
  const update = async ({ borrower, at = clock.now() }: UpdateBorrower, cause: Cause): Promise<Stored> => {
    for (let round = 1; ; round++) {
      const current = await known(borrower.id);
      const events = changesOf({ borrower, at }, current, cause);
      if (events.length === 0) return { id: borrower.id, version: current.version, duplicate: true };
      if (current.state.status === 'forgotten') await vault.readmit(borrower.id);
      try {
        const { version, duplicate } = await store.append(borrowerStream(borrower.id), events, current.version);
        return { id: borrower.id, version, duplicate };
      } catch (error) {
        if (!isVersionConflict(error) || round === MOST_CONFLICTS) throw error;
      }
    }
  };

  const find = async (borrowerId: string, { masked }: { masked: boolean }): Promise<BorrowerFacts & Record<string, unknown>> => {
    const { state, fields } = await known(borrowerId);
    if (state.status === 'absent') throw new LoanRefused('unknown-borrower', `borrower ${borrowerId} is not known`);
    if (state.status === 'forgotten') throw new LoanRefused('unknown-borrower', `borrower ${borrowerId} was forgotten`);
    return { ...state.facts, ...(fields ? show(fields, masked) : { firstName: REDACTED }) };
  };

  /**
   * Destroys the key first: should the process die in between, nothing can be opened any more and the same request,
   * sent again, records it.
   */
  const forget = async (borrowerId: string, why: string, cause: Cause): Promise<Stored> => {
    const { state, version } = await known(borrowerId);
    if (state.status === 'absent') throw new LoanRefused('unknown-borrower', `borrower ${borrowerId} is not known`);
    await vault.forget(borrowerId);
    if (state.status === 'forgotten') return { id: borrowerId, version, duplicate: true };
    const events = stamp(cause, [{ type: 'BorrowerForgotten', data: { borrowerId, why, at: clock.now() } }]);
    const appended = await store.append(borrowerStream(borrowerId), events, 'any');
    return { id: borrowerId, version: appended.version, duplicate: appended.duplicate };
  };

  return { known, update, find, forget };
}
export type Borrowers = ReturnType<typeof createBorrowers>;

/** Whether this came before under its id. */
function isRepeated(current: Remembered, cause: Cause, wanted: readonly object[]): boolean {
  refuseOtherBorrower(current, cause, wanted);
  return toldBy(current, cause) !== undefined;
}
type Remembered = KnownBorrower & Pick<Caused<unknown>, 'told'>;

/**
 * Refuses (`id-reused`) what would change the borrower under an id that told of them before: taken for a repetition it would be lost.
 * Only the latest is compared: of earlier ones nobody knows what they changed.
 */
export function refuseOtherBorrower({ fields, told }: Remembered, cause: Cause, wanted: readonly object[]): void {
  if (wanted.length > 0 && fields && told.at(-1)?.cause === cause.id) {
    throw new LoanRefused('id-reused', 'the id was used before, for this borrower with other content: give each event its own');
  }
}

function show(fields: Readonly<Record<string, string>>, masked: boolean): Record<string, string> {
  const mask = (field: string, value: string) => (field === 'email' || field === 'phone' ? maskAddress(value) : maskName(value));
  return Object.fromEntries(Object.entries(fields).map(([field, value]) => [field, masked ? mask(field, value) : value]));
}
