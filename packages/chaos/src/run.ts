import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ensureLocalKey } from '@rappel/auth';
import { createQuiet, type Quiet } from '@rappel/demo';
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
/** Ten business minutes to the second under fire; afterwards six hours, held while anything is under way. */
const FACTOR = 600;
const LATER_FACTOR = 6 * 3600;
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
  stage.steering.run(FACTOR);
  for (let elapsed = 0; elapsed < seconds * 1000; elapsed = performance.now() - begun) {
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
    const busy = await underWay(scene, end);
    if (busy === TIME) steering.run(LATER_FACTOR); else steering.hold();
    still = busy === undefined ? still + 1 : 0;
    if (performance.now() > deadline) throw new Error(`not at rest ${patience} s after the last blow: ${busy ?? 'it was a matter of moments'}`);
    tell(() => `coming to rest at ${steering.now().slice(0, 16)} of ${end.slice(0, 16)}: ${busy ?? 'at rest'}; ${received(scene.stage)} messages received`);
  }
}

const TIME = 'time has to pass';

async function underWay({ stage: { steering }, traffic, quiet }: Scene, end: string): Promise<string | undefined> {
  const busy = traffic.owed > 0 ? `${traffic.owed} commands are not acknowledged` : await quiet.busy(steering.now());
  return busy ?? (steering.now() < end || traffic.planned > 0 ? TIME : undefined);
}

function everySoOften(say: (line: string) => void): (line: () => string) => void {
  let told = 0;
  return (line) => {
    if (performance.now() - told < PROGRESS_MS) return;
    told = performance.now();
    say(line());
  };
}
