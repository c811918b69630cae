import { seededRandom } from '@rappel/local-stack';

/** Instances of each service that run. */
export const instances = { loan: 1, scheduler: 1, email: 2, whatsapp: 2, 'notification-log': 1 } as const;
const processes = Object.entries(instances).flatMap(([name, count]) => Array.from({ length: count }, (_, index) => `${name}-${index + 1}`));
const lines = ['nats', 'postgres'] as const;

/** What goes wrong; `lasts` is in real milliseconds. */
export type Blow =
  /** kill -9, and up again after a while. */
  | { readonly kind: 'kill'; readonly target: string; readonly lasts: number }
  /** SIGSTOP, then SIGCONT. */
  | { readonly kind: 'freeze'; readonly target: string; readonly lasts: number }
  /** nats-server is killed and everything it held deleted. */
  | { readonly kind: 'wipe'; readonly target: 'nats'; readonly lasts: number }
  /** Every connection of the services to this server is reset. */
  | { readonly kind: 'cut'; readonly target: 'nats' | 'postgres'; readonly lasts: number }
  /** Connections stay open and nothing passes. */
  | { readonly kind: 'partition'; readonly target: 'nats' | 'postgres'; readonly lasts: number }
  /** Answers of the provider are lost, late or refusals. */
  | { readonly kind: 'provider'; readonly target: 'whatsapp' | 'mail'; readonly share: number; readonly lasts: number }
  /** Receipts are lost, doubled and come in any order. */
  | { readonly kind: 'receipts'; readonly target: 'whatsapp'; readonly share: number; readonly lasts: number }
  /** Business time leaps ahead. */
  | { readonly kind: 'leap'; readonly target: 'clock'; readonly hours: number; readonly lasts: number };

/** A blow and when it falls: real milliseconds after the beginning. */
export type Planned = Blow & { readonly at: number };

type Random = () => number;
const between = (random: Random, from: number, to: number): number => Math.round(from + random() * (to - from));
const oneOf = <T>(random: Random, of: readonly T[]): T => of[Math.floor(random() * of.length)]!;

// Each is drawn once before any is drawn again, so that a short run has most of them.
const draws: readonly ((random: Random) => Blow)[] = [
  (random) => ({ kind: 'kill', target: oneOf(random, processes), lasts: between(random, 0, 3000) }),
  (random) => ({ kind: 'kill', target: oneOf(random, ['email-1', 'email-2', 'whatsapp-1', 'whatsapp-2']), lasts: between(random, 0, 3000) }),
  (random) => ({ kind: 'kill', target: oneOf(random, ['loan-1', 'scheduler-1', 'notification-log-1']), lasts: between(random, 0, 3000) }),
  (random) => ({ kind: 'kill', target: 'nats', lasts: between(random, 0, 3000) }),
  (random) => ({ kind: 'kill', target: 'postgres', lasts: between(random, 0, 3000) }),
  (random) => ({ kind: 'wipe', target: 'nats', lasts: between(random, 0, 2000) }),
  (random) => ({ kind: 'freeze', target: oneOf(random, processes), lasts: between(random, 1000, 10_000) }),
  (random) => ({ kind: 'freeze', target: 'nats', lasts: between(random, 500, 5000) }),
  (random) => ({ kind: 'cut', target: oneOf(random, lines), lasts: 0 }),
  (random) => ({ kind: 'partition', target: oneOf(random, lines), lasts: between(random, 500, 6000) }),
  (random) => ({ kind: 'provider', target: 'whatsapp', share: 0.1 + random() * 0.15, lasts: between(random, 2000, 8000) }),
  (random) => ({ kind: 'provider', target: 'mail', share: 0.1 + random() * 0.3, lasts: between(random, 2000, 8000) }),
  (random) => ({ kind: 'receipts', target: 'whatsapp', share: 0.2 + random() * 0.6, lasts: between(random, 3000, 10_000) }),
  (random) => ({ kind: 'leap', target: 'clock', hours: between(random, 1, 9), lasts: 0 }),
];

/** Everything that is to go wrong in `seconds`: the same for the same seed. `pace` = mean milliseconds between two blows. */
export function planBlows(seed: number, seconds: number, pace = 2500): Planned[] {
  const random = seededRandom(seed);
  const plan: Planned[] = [];
  let bag: (typeof draws)[number][] = [];
  for (let at = between(random, pace / 4, pace); at < seconds * 1000; at += between(random, pace / 4, pace * 1.75)) {
    if (bag.length === 0) bag = shuffled(random, draws);
    plan.push({ at, ...bag.pop()!(random) });
  }
  return plan;
}

function shuffled<T>(random: Random, items: readonly T[]): T[] {
  const left = [...items];
  return items.map(() => left.splice(Math.floor(random() * left.length), 1)[0]!);
}

/** A blow on one line. */
export function describeBlow(blow: Planned): string {
  const extent = blow.kind === 'leap' ? `${blow.hours} h ahead` : [
    'share' in blow && `${Math.round(blow.share * 100)} %`, blow.lasts > 0 && `${(blow.lasts / 1000).toFixed(1)} s`,
  ].filter(Boolean).join(', ');
  return `${(blow.at / 1000).toFixed(1).padStart(6)} s  ${blow.kind.padEnd(9)} ${blow.target.padEnd(18)} ${extent}`.trimEnd();
}
