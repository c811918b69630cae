import { setTimeout as delay } from 'node:timers/promises';
import type { Service } from '@rappel/local-stack';
import type { Blow, Planned } from './plan.ts';
import type { Stage } from './stage.ts';

export interface Hammer {
  /** Real time at which each thing that was broken stood again. */
  readonly healedAt: readonly number[];
  /** Services that ended though nobody had killed them. */
  readonly fallen: readonly string[];
  /** Lets the blow fall once earlier ones on the same target are over. */
  strike(blow: Planned): void;
  /** Starts again whatever ended by itself. */
  revive(): void;
  /** Resolves once nothing is broken any more. */
  rest(): Promise<void>;
}

const RETRY_MS = 500;

/** Carries out the plan on the stage. */
export function createHammer({ stack, steering, lines, services }: Stage, say: (line: string) => void): Hammer {
  const queues = new Map<string, Promise<void>>();
  const healedAt: number[] = [];
  const fallen: string[] = [];
  const busy = new Set<string>();

  /** Until it stands: another server may be down just now. */
  const up = async (what: string, restart: () => Promise<void>): Promise<void> => {
    for (let failures = 0; ; failures++) {
      try {
        return await restart();
      } catch (error) {
        if (failures % 10 === 0) say(`${what} does not start yet: ${(error as Error).message.split('\n')[0]}`);
        await delay(RETRY_MS);
      }
    }
  };

  const kill = async (target: string, lasts: number): Promise<void> => {
    const server = { nats: stack.nats!, postgres: stack.postgres! }[target] ?? services.get(target)!;
    await server.kill('SIGKILL');
    await delay(lasts);
    await up(target, () => server.restart());
  };

  const freeze = async (target: string, lasts: number): Promise<void> => {
    const victim: Pick<Service, 'kill'> = target === 'nats' ? stack.nats! : services.get(target)!;
    await victim.kill('SIGSTOP');
    await delay(lasts);
    await victim.kill('SIGCONT');
  };

  const wipe = async (lasts: number): Promise<void> => {
    await stack.nats!.kill('SIGKILL');
    await delay(lasts);
    await up('nats', () => stack.nats!.restart({ wipe: true }));
  };

  const provider = async (target: 'whatsapp' | 'mail', share: number, lasts: number): Promise<void> => {
    const none = { hangAfterAccept: 0, errorAfterAccept: 0, resetAfterAccept: 0, errorBeforeAccept: 0, resetBeforeAccept: 0, ratePerSecond: 0 };
    const whatsapp = target === 'whatsapp';
    if (whatsapp) stack.twilio!.configure({ hangAfterAccept: share, errorAfterAccept: share, resetAfterAccept: share, errorBeforeAccept: share, resetBeforeAccept: share / 2 });
    else stack.inbox!.configure({ dropAfterData: share, tempfail: share, latencyMs: 200 });
    await delay(lasts);
    if (whatsapp) stack.twilio!.configure(none);
    else stack.inbox!.configure({ dropAfterData: 0, tempfail: 0, latencyMs: 0 });
  };

  const receipts = async (share: number, lasts: number): Promise<void> => {
    stack.twilio!.configure({ dropCallbacks: share, duplicateCallbacks: share, callbackJitterMs: 3000 });
    await delay(lasts);
    stack.twilio!.configure({ dropCallbacks: 0, duplicateCallbacks: 0, callbackJitterMs: 0 });
  };

  const partition = async (target: 'nats' | 'postgres', lasts: number): Promise<void> => {
    lines[target].freeze();
    await delay(lasts);
    lines[target].thaw();
  };

  const perform = async (blow: Blow): Promise<void> => {
    switch (blow.kind) {
      case 'kill': return kill(blow.target, blow.lasts);
      case 'freeze': return freeze(blow.target, blow.lasts);
      case 'wipe': return wipe(blow.lasts);
      case 'cut': return lines[blow.target].cut();
      case 'partition': return partition(blow.target, blow.lasts);
      case 'provider': return provider(blow.target, blow.share, blow.lasts);
      case 'receipts': return receipts(blow.share, blow.lasts);
      case 'leap': return steering.step(blow.hours * 3_600_000);
    }
  };

  const inTurn = async (earlier: Promise<void> | undefined, key: string, work: () => Promise<void>): Promise<void> => {
    await earlier;
    busy.add(key);
    await work();
    busy.delete(key);
    healedAt.push(Date.now());
  };

  /** One after the other on each target, side by side on different ones. */
  const enqueue = (key: string, work: () => Promise<void>): void => {
    const task = inTurn(queues.get(key), key, work);
    queues.set(key, task);
  };

  return {
    healedAt, fallen,
    strike: (blow) => enqueue(keyOf(blow), () => perform(blow)),
    revive() {
      for (const [name, service] of services) {
        if (service.running() || busy.has(name)) continue;
        fallen.push(name);
        say(`${name} ended by itself: starting it again, see ${service.logFile}`);
        enqueue(name, () => up(name, () => service.restart()));
        busy.add(name);
      }
    },
    async rest() {
      for (let open = -1; open !== queues.size; ) {
        open = queues.size;
        await Promise.all(queues.values());
      }
    },
  };
}

const keyOf = ({ kind, target }: Blow): string => (kind === 'cut' || kind === 'partition' ? `line to ${target}` : kind === 'receipts' ? 'receipts' : kind === 'provider' ? `provider of ${target}` : target);
