import type { InboundType, LoanDuration } from '@rappel/contracts';
import { DateTime } from 'luxon';

/** What becomes of a loan after it went out. */
export const fates = ['on-time', 'early', 'late', 'extended', 'cancelled', 'kept'] as const;
export type Fate = (typeof fates)[number];

/** How the borrower can be reached, and what the provider makes of it. */
export const reaches = [
  'email', 'whatsapp', 'both', 'no-phone', 'bad-phone', 'opted-out',
  'email-heals', 'email-refused', 'whatsapp-heals', 'whatsapp-refused', 'fallback',
] as const;
export type Reach = (typeof reaches)[number];

/** Addresses on which the local inbox and the Twilio simulator misbehave on purpose; `n` keeps them apart. */
export interface Addresses {
  email(n: number, reach: Reach): string;
  phone(n: number, reach: Reach): string;
}

export interface Planned {
  /** Business time at which upstream publishes it. */
  readonly at: string;
  readonly type: InboundType;
  readonly id: string;
  readonly data: object;
}

export interface FleetLoan {
  readonly attributionId: string;
  readonly fate: Fate;
  readonly reach: Reach;
  readonly duration: LoanDuration;
  /** Business time at which it is back or cancelled, so that nothing about its due moment may be said afterwards. */
  readonly overAt?: string;
  readonly events: readonly Planned[];
}

/** Friday before the European spring night of 2026: the clocks change while the fleet is out. */
export const ORIGIN = '2026-03-27T06:00:00.000Z';

const zones = ['Europe/Paris', 'Europe/Paris', 'America/Guadeloupe', 'Indian/Reunion', 'Pacific/Noumea', 'Europe/London', 'Asia/Kathmandu', 'America/Montreal'];
const items = ['Perceuse Bosch', 'Vidéoprojecteur Epson', 'Caméra Sony A7', 'Trépied Manfrotto', 'Micro HF', 'Oscilloscope', 'Tablette graphique', 'Station totale <Leica>'];
const names = ['Jean', 'Zoé', 'Ngọc', 'Aïcha', 'Łukasz', 'Mary-Ann', 'O’Neil', 'José'];
const departments = ['audiovisuel', 'chantier', 'labo'];
const hoursOut: Record<LoanDuration, number> = { COURT: 4, MOYEN: 11, LONG: 76 };
const durations: readonly LoanDuration[] = ['COURT', 'LONG', 'MOYEN', 'LONG'];

/** `size` loans, the same for the same size: every fate, reach, duration, zone and locale many times over. */
export function createFleet(size: number, addresses: Addresses): FleetLoan[] {
  return Array.from({ length: size }, (_, n) => createLoan(n, addresses));
}

function createLoan(n: number, addresses: Addresses): FleetLoan {
  const fate = fates[n % fates.length]!;
  const reach = reaches[Math.floor(n / 2) % reaches.length]!;
  const duration = durations[Math.floor(n / 3) % durations.length]!;
  const zone = zones[n % zones.length]!;
  const out = DateTime.fromISO(ORIGIN, { zone: 'utc' }).plus({ minutes: 10 + (n % 48) * 2 });
  // Whole half-hours away from the reminders' own moments, so that what comes first never hangs on a millisecond.
  const due = out.plus({ hours: hoursOut[duration] }).startOf('hour').plus({ minutes: 30 }).setZone(zone);
  const timeless = duration === 'LONG' && n % 5 === 0;
  const attributionId = `DEMO-${String(n).padStart(4, '0')}`;
  const publish = (at: DateTime, type: InboundType, data: object): Planned => ({ at: utc(at), type, id: `${attributionId}:${type}:${utc(at)}`, data });
  const created = publish(out, 'AttributionCreated', {
    attributionId,
    borrower: borrower(n, reach, zone, addresses),
    item: { code: `MAT-${String(n).padStart(3, '0')}`, name: items[n % items.length]! },
    duration,
    due: { date: due.toISODate(), ...(!timeless && { time: due.toFormat('HH:mm') }), zone },
    department: departments[n % departments.length]!,
  });
  const rest = sequel(fate, attributionId, { out, due, publish });
  return { attributionId, fate, reach, duration, ...rest, events: [created, ...rest.events] };
}

function borrower(n: number, reach: Reach, zone: string, addresses: Addresses): object {
  const phone = reach === 'bad-phone' ? 'invalid_phone' : addresses.phone(n, reach);
  const byWhatsapp = ['whatsapp', 'bad-phone', 'whatsapp-heals', 'whatsapp-refused', 'fallback'].includes(reach);
  const hasEmail = !['whatsapp-refused'].includes(reach);
  return {
    id: `B-${String(n).padStart(4, '0')}`,
    firstName: names[n % names.length]!,
    lastName: `Demo${n}`,
    ...(hasEmail && { email: addresses.email(n, reach) }),
    ...(reach !== 'no-phone' && { phone }),
    locale: n % 3 === 0 ? 'en' : 'fr',
    ...(n % 4 !== 0 && { zone }),
    preferences: {
      email: !['whatsapp', 'bad-phone', 'no-phone', 'opted-out'].includes(reach),
      whatsapp: reach !== 'opted-out' && !reach.startsWith('email'),
      ...(byWhatsapp && { preferred: 'WHATSAPP' }),
      both: reach === 'both',
      fallback: reach === 'fallback',
    },
  };
}

type Publish = (at: DateTime, type: InboundType, data: object) => Planned;

function sequel(fate: Fate, attributionId: string, { out, due, publish }: { out: DateTime; due: DateTime; publish: Publish }): { events: Planned[]; overAt?: string } {
  const back = (at: DateTime) => ({ events: [publish(at, 'AttributionReturned', { attributionId, returnedAt: utc(at) })], overAt: utc(at) });
  switch (fate) {
    case 'on-time': return back(due.minus({ minutes: 45 }));
    case 'early': return back(out.plus({ minutes: 47 }));
    case 'late': return back(due.plus({ hours: 9, minutes: 5 }));
    case 'kept': return { events: [] };
    case 'cancelled': {
      const at = out.plus({ minutes: 33 });
      return { events: [publish(at, 'AttributionCancelled', { attributionId, reason: 'no longer needed' })], overAt: utc(at) };
    }
    case 'extended': {
      const later = due.plus({ hours: 12 });
      const extend = publish(due.minus({ minutes: 50 }), 'AttributionRescheduled', { attributionId, due: { date: later.toISODate(), time: later.toFormat('HH:mm') } });
      const { events, overAt } = back(later.minus({ minutes: 50 }));
      return { events: [extend, ...events], overAt: overAt! };
    }
    default: return fate;
  }
}

const utc = (at: DateTime): string => at.toUTC().toISO()!;
