import type { Claim, Waiting, WaitReason } from './waiting.ts';
import type { DeliveryDependencies, DeliveryNote } from './delivery/dependencies.ts';
import { resume } from './delivery/resume.ts';

export interface WorkerOptions {
  /** Most notifications worked on at once. Default 16. */
  readonly concurrency?: number;
  /** Real milliseconds that a claim holds; above an attempt's lease. Default 90 s. */
  readonly claimMs?: number;
}

/** What came of one look at the waiting. */
export type Look = { readonly claimed: number; readonly kind: 'open' | 'paused' | 'throttled' };

/** Takes what is due among the waiting, once. On a paused channel one worker of all tries one notification when it is time. */
export async function workOnce(deps: DeliveryDependencies, { concurrency = 16, claimMs = 90_000 }: WorkerOptions = {}): Promise<Look> {
  const { kind } = await deps.gate.refresh();
  if (deps.gate.restMs() > 0) return { claimed: 0, kind: 'throttled' };
  if (kind === 'paused') return { claimed: await deps.gate.takeProbe() ? await tryOne(deps, claimMs) : 0, kind: 'paused' };
  const claims = await deps.waiting.claim({ limit: concurrency, leaseMs: claimMs, now: deps.clock.now() });
  const left = await Promise.all(claims.map((claim) => work(deps, claim, false)));
  deps.gate.looked({ refused: left.includes('rate'), much: claims.length === concurrency });
  return { claimed: claims.length, kind: 'open' };
}

const MOST_BEFORE_AN_ATTEMPT = 1000;
const triedOrNoLeave: ReadonlySet<DeliveryNote['what']> = new Set(['sent', 'failed', 'unknown', 'deferred']);

/**
 * Goes through the waiting in turn until one was really tried: what is held, obsolete or settled by evidence says nothing of the channel.
 * In turn, because what paused it may be the most urgent one's own trouble: tried first each time it would keep all others back.
 */
async function tryOne(deps: DeliveryDependencies, claimMs: number): Promise<number> {
  const said: DeliveryNote['what'][] = [];
  const watched: DeliveryDependencies = { ...deps, note: (note) => { said.push(note.what); deps.note(note); } };
  for (let claimed = 0; claimed < MOST_BEFORE_AN_ATTEMPT; claimed++) {
    const [claim] = await deps.waiting.claim({ limit: 1, leaseMs: claimMs, now: deps.clock.now(), inTurn: true });
    if (!claim) return claimed;
    await work(watched, claim, true);
    if (said.some((what) => triedOrNoLeave.has(what))) return claimed + 1;
  }
  return MOST_BEFORE_AN_ATTEMPT;
}

/** Answers what it waits for afterwards, if for anything. */
async function work(deps: DeliveryDependencies, claim: Claim, probe: boolean): Promise<WaitReason | undefined> {
  let next: Waiting | undefined;
  try {
    next = await resume(deps, claim.notificationId, { probe });
  } catch (error) {
    // The claim runs out and somebody takes it again; one that fails must not take the others down.
    deps.note({ what: 'failed', notificationId: claim.notificationId, detail: `worker: ${(error as Error).message}` });
    return undefined;
  }
  await deps.waiting.finish(claim, next);
  return next?.reason;
}

export interface Worker {
  /** Looks again at once. */
  nudge(): void;
  /** Resolves once what is in hand is finished. */
  stop(): Promise<void>;
}

/** Keeps looking: at once while there is something, else every `pollMs` real milliseconds (default 200). */
export function startWorker(deps: DeliveryDependencies, { pollMs = 200, ...options }: WorkerOptions & { readonly pollMs?: number } = {}): Worker {
  const running = { on: true };
  let wake = (): void => undefined;
  const loop = async (): Promise<void> => {
    while (running.on) {
      const { claimed, kind } = await workOnce(deps, options).catch((error: Error): Look => {
        deps.note({ what: 'failed', notificationId: '', detail: `worker: ${error.message}` });
        return { claimed: 0, kind: 'open' };
      });
      if (claimed > 0 && kind === 'open') continue;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, pollMs);
        wake = () => { clearTimeout(timer); resolve(); };
        if (!running.on) wake();
      });
    }
  };
  const finished = loop();
  return {
    nudge: () => wake(),
    stop: async () => { running.on = false; wake(); await finished; },
  };
}
