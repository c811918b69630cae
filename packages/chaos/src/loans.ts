import type { Planned } from '@rappel/demo';
import { seededRandom } from '@rappel/local-stack';
import { DateTime } from 'luxon';

export type Reach = 'email' | 'whatsapp' | 'both';
/** What becomes of a loan: `kept` ones are late sooner or later. */
export type Fate = 'returned' | 'kept' | 'extended' | 'cancelled';

export interface Loan {
  readonly attributionId: string;
  readonly reach: Reach;
  readonly fate: Fate;
  /** What upstream publishes, in order, each at its business time. */
  readonly events: readonly Planned[];
}

const phone = (n: number): string => `+3367${String(n).padStart(7, '0')}`;
const reachOf = (dice: number): Reach => (dice < 0.4 ? 'whatsapp' : dice < 0.7 ? 'email' : 'both');
const fateOf = (dice: number): Fate => (dice < 0.5 ? 'returned' : dice < 0.8 ? 'kept' : dice < 0.9 ? 'extended' : 'cancelled');
/** Longest time out: reminders two days and one day before are part of it. */
const LONG_HOURS = 50;
/** Business hours after which every loan is over or late. */
export const AFTERMATH_HOURS = LONG_HOURS + 20;

/** The `n`th loan of a seed, that goes out at `at`. One borrower in eight has a second loan, so that both are told together. */
export function createLoan(seed: number, n: number, at: string): Loan {
  const random = seededRandom(seed * 1_000_003 + n);
  const out = DateTime.fromISO(at, { zone: 'utc' });
  const fate = fateOf(random());
  const hours = random() < 0.3 ? LONG_HOURS : 3 + Math.floor(random() * 5);
  const owner = n % 8 === 7 ? n - 1 : n;
  const reach = reachOf(seededRandom(seed * 1_000_003 + owner + 500_000)());
  const due = out.plus({ hours }).startOf('hour').setZone('Europe/Paris');
  const attributionId = `CHAOS-${String(n).padStart(5, '0')}`;
  const event = (when: DateTime, type: Planned['type'], data: object): Planned => ({ at: when.toUTC().toISO()!, type, id: `${attributionId}:${type}`, data: { attributionId, ...data } });
  const dueOf = (moment: DateTime): object => ({ date: moment.toISODate(), time: moment.toFormat('HH:mm'), zone: 'Europe/Paris' });
  const created = event(out, 'AttributionCreated', {
    borrower: borrower(owner, reach), item: { code: `MAT-${n}`, name: `Objet ${n}` }, duration: hours === LONG_HOURS ? 'LONG' : 'COURT', due: dueOf(due),
  });
  const sequel: Record<Fate, () => Planned[]> = {
    returned: () => [event(out.plus({ hours: hours * (0.2 + random()) }), 'AttributionReturned', {})],
    kept: () => [],
    extended: () => [event(out.plus({ hours: hours * 0.6 }), 'AttributionRescheduled', { due: dueOf(due.plus({ hours: 4 })) })],
    cancelled: () => [event(out.plus({ hours: hours * 0.4 }), 'AttributionCancelled', { reason: 'no longer needed' })],
  };
  return { attributionId, reach, fate, events: [created, ...sequel[fate]()] };
}

function borrower(n: number, reach: Reach): object {
  return {
    id: `B-${n}`, firstName: `Borrower${n}`, lastName: 'Chaos', locale: n % 2 === 0 ? 'fr' : 'en',
    email: `borrower+${n}@example.org`, phone: phone(n),
    preferences: { email: reach !== 'whatsapp', whatsapp: reach !== 'email', both: reach === 'both', fallback: false, ...(reach === 'whatsapp' && { preferred: 'WHATSAPP' }) },
  };
}
