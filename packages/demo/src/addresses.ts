import type { TwilioSimulator } from '@rappel/local-stack';
import type { Addresses, FleetLoan } from './fleet.ts';

// Numbers that the French regulator keeps for fiction; those ending in 0xxx are ordinary to the simulator.
const phone = (n: number): string => `+336399${80_000 + n}`;

/** Addresses on which the local inbox misbehaves as the name says; `+n` keeps borrowers apart. */
export const addresses: Addresses = {
  email: (n, reach) => `${{ 'email-heals': 'tempfail-451-2', 'email-refused': 'bounce-550-5.1.1' }[reach as string] ?? 'borrower'}+${n}@example.org`,
  phone,
};

/** Numbers on which the simulator misbehaves: two refusals before it heals, or "not on WhatsApp" for good. */
export function troubleNumbers(twilio: TwilioSimulator, fleet: readonly FleetLoan[]): void {
  for (const [n, { reach }] of fleet.entries()) {
    if (reach === 'whatsapp-heals') twilio.behave(phone(n), { reject: 63012, times: 2 });
    if (reach === 'whatsapp-refused' || reach === 'fallback') twilio.behave(phone(n), { reject: 63024 });
  }
}
