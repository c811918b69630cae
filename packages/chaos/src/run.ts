import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ensureLocalKey } from '@rappel/auth';
import { createQuiet, type Look, type Quiet } from '@rappel/demo';
import { connectBus } from '@rappel/messaging';
import { createPool } from '@rappel/postgres';
import { openEventStore } from '@rappel/service-kit';
import { compare, type Verdict } from './compare.ts';
import { gatherEvidence } from './evidence.ts';
import { createHammer, type Hammer } from './hammer.ts';
import { AFTERMATH_HOURS } from './loans.ts';
import { describeBlow, planBlows } from './plan.ts';
import type { Stage } from './stage.ts';
import { createTraffic, type Traffic } from './traffic.ts';

export interface ChaosOptions {
  readonly seconds: number;
  readonly seed: number;
  /** Loans a second. */
  readonly rate: number;
  /** Seconds that quiet may take at the end. */
  readonly patience: number;
  readonly data: string;
  readonly say: (line: string) => void;
}

const TICK_MS = 50;
const PROGRESS_MS = 5000;
/** Ten business minutes to the second under fire; afterwards from one thing to come to the next, while nothing is under way. */
const FACTOR = 600;
const [SHORTEST_STEP_MS, LONGEST_STEP_MS] = [10 * 60_000, 3_600_000];
const STILL = 5;

interface Scene {
  readonly stage: Stage;
  readonly traffic: Traffic;
  readonly hammer: Hammer;
  readonly quiet: Quiet;
}

/** Runs the plan of the seed against everything, lets it come to rest and compares. Rejects when it does not come to rest. */
export async function runChaos(stage: Stage, options: ChaosOptions): Promise<Verdict> {
  const { stack } = stage;
  const [pool, store] = [createPool(stack.env['DATABASE_URL']!, { max: 4, name: 'rappel-chaos' }), await openEventStore(stack.env['EVENT_STORE_URL']!)];
  const [upstream, operator] = await Promise.all(['upstream', 'operator'].map((user) => connectBus({ servers: stack.env['NATS_URL']!, name: `chaos-${user}`, inboxPrefix: `_INBOX_${user}`, ...stack.natsLogin(user) })));
  const hammer = createHammer(stage, options.say);
  const scene: Scene = { stage, hammer, traffic: createTraffic({ bus: upstream!, steering: stage.steering, seed: options.seed }), quiet: createQuiet({ pool, store, bus: operator! }) };
  try {
    await underFire(scene, options);
    await comeToRest(scene, options);
    const token = await ensureLocalKey(pool, join(options.data, 'api.key'));
    const evidence = await gatherEvidence({ stack, store, token, logUrl: stage.services.get('notification-log-1')!.url });
    const { loans, ledger, refusals } = scene.traffic;
    const testimony = { ...evidence, loans, ledger, refusals, healedAt: hammer.healedAt, fallen: hammer.fallen };
    writeFileSync(join(options.data, 'evidence.json'), JSON.stringify(testimony));
    return compare(testimony);
  } finally {
    await Promise.allSettled([upstream!.close(), operator!.close(), store.close(), pool.end()]);
  }
}

async function underFire({ stage, traffic, hammer }: Scene, { seconds, seed, rate, say }: ChaosOptions): Promise<void> {
  const blows = planBlows(seed, seconds);
  const begun = performance.now();
  const tell = everySoOften(say);
  let stepped = 0;
  for (let elapsed = 0; elapsed < seconds * 1000; elapsed = performance.now() - begun) {
    stage.steering.step((elapsed - stepped) * FACTOR);
    stepped = elapsed;
    while (blows[0] && blows[0].at <= elapsed) {
      const blow = blows.shift()!;
      say(describeBlow(blow));
      hammer.strike(blow);
    }
    hammer.revive();
    if (traffic.loans.length < (elapsed / 1000) * rate) traffic.lend();
    traffic.publishDue();
    tell(() => `${(elapsed / 1000).toFixed(0).padStart(4)} s    ${traffic.ledger.length} commands acknowledged, ${traffic.owed} under way; ${received(stage)} messages received`);
    await delay(TICK_MS);
  }
}

const received = ({ stack }: Stage): number => stack.inbox!.count() + stack.twilio!.messages().length;

/** No more blows: everything is healed, time runs on until every loan is over or late, and nothing is under way. */
async function comeToRest(scene: Scene, { patience, say }: ChaosOptions): Promise<void> {
  const { stage: { steering }, hammer, traffic } = scene;
  say('healing');
  await hammer.rest();
  const end = new Date(Date.parse(steering.now()) + AFTERMATH_HOURS * 3_600_000).toISOString();
  const tell = everySoOften(say);
  const deadline = performance.now() + patience * 1000;
  for (let still = 0; still < STILL; await delay(TICK_MS)) {
    hammer.revive();
    traffic.publishDue();
    const { busy, next } = await look(scene);
    const over = steering.now() >= end && traffic.next === undefined;
    if (!busy && !over) steering.step(stepTo([next, traffic.next], steering.now()));
    still = over && !busy ? still + 1 : 0;
    if (performance.now() > deadline) throw new Error(`not at rest ${patience} s after the last blow: ${busy ?? `the clock had reached ${steering.now()} of ${end}`}`);
    tell(() => `coming to rest at ${steering.now().slice(0, 16)} of ${end.slice(0, 16)}: ${busy ?? 'time passes'}; ${received(scene.stage)} messages received`);
  }
}

const look = async ({ stage: { steering }, traffic, quiet }: Scene): Promise<Look> =>
  (traffic.owed > 0 ? { busy: `${traffic.owed} commands are not acknowledged` } : quiet(steering.now()));

function stepTo(planned: readonly (string | undefined)[], now: string): number {
  const ahead = planned.flatMap((at) => (at ? [Date.parse(at) - Date.parse(now)] : []));
  return Math.max(SHORTEST_STEP_MS, Math.min(LONGEST_STEP_MS, ...ahead));
}

function everySoOften(say: (line: string) => void): (line: () => string) => void {
  let told = 0;
  return (line) => {
    if (performance.now() - told < PROGRESS_MS) return;
    told = performance.now();
    say(line());
  };
}
