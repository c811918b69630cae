import { createSupervisor, type Stack } from '@rappel/local-stack';
import { ensureLocalKey } from '@rappel/auth';
import type { ReminderDue } from '@rappel/contracts';
import { pagesOf, type EventStore } from '@rappel/event-store';
import { createPool } from '@rappel/postgres';
import { connectBus } from '@rappel/messaging';
import { openEventStore } from '@rappel/service-kit';
import { addresses, troubleNumbers } from './addresses.ts';
import { check, type Received } from './check.ts';
import { createFleet, ORIGIN } from './fleet.ts';
import { readLog } from './log.ts';
import type { Progress } from './progress.ts';
import { createQuiet, type Quiet } from './quiet.ts';
import { outcomeTable, verdictLines } from './report.ts';
import type { Steering } from './steering.ts';
import { createTrouble, type Trouble } from './trouble.ts';
import { createUpstream, type Upstream } from './upstream.ts';

export const SERVICES = ['loan', 'scheduler', 'email', 'whatsapp', 'notification-log'];
const after = (hours: number): string => new Date(Date.parse(ORIGIN) + hours * 3_600_000).toISOString();
/** Long enough for the loans that are kept to be late twice. */
export const END = after(132);
const HALF = after(48);
/** Time goes on in steps of this length, further when nothing is planned before; only when nothing is under way any more. */
const SHORTEST_STEP_MS = 10 * 60_000;
const LONGEST_STEP_MS = 2 * 3_600_000;
const LOOK_MS = 10;
/** So many looks in a row must find nothing under way. */
const STILL = 3;

interface Demonstration extends Trouble {
  readonly stack: Stack;
  readonly steering: Steering;
  readonly progress: Progress;
  readonly loans: number;
  readonly keyFile: string;
  /** True once somebody ends it before its time: nothing is started again from then on. */
  readonly isOver: () => boolean;
}

/** Runs the fleet from the first loan to the comparison; true when log, inbox and simulator agree. */
export async function runDemonstration(demonstration: Demonstration): Promise<boolean> {
  const { stack, steering, progress } = demonstration;
  const store = await openEventStore(stack.env['EVENT_STORE_URL']!);
  await refuseUsed(store);
  await Promise.all(SERVICES.map((name) => stack.startService(name)));
  const pool = createPool(stack.env['DATABASE_URL']!, { max: 4, name: 'rappel-demo' });
  const [upstreamBus, operatorBus] = await Promise.all(['upstream', 'operator'].map((user) => connectBus({ servers: stack.env['NATS_URL']!, name: `demo-${user}`, inboxPrefix: `_INBOX_${user}`, ...stack.natsLogin(user) })));
  const fleet = createFleet(demonstration.loans, addresses);
  troubleNumbers(stack.twilio!, fleet);
  const upstream = createUpstream(upstreamBus!, fleet.flatMap(({ events }) => events), steering);
  progress.say(`${fleet.length} loans from ${ORIGIN} to ${END}; everything was up after ${(performance.now() / 1000).toFixed(1)} s`);

  await letTimeRun({ ...demonstration, upstream, quiet: createQuiet({ pool, store, bus: operatorBus! }) });
  progress.stop();

  const token = await ensureLocalKey(pool, demonstration.keyFile);
  const rows = await readLog(stack.services.find(({ name }) => name === 'notification-log')!.url, token);
  const received: Received[] = [
    ...(await stack.inbox!.mails()).map(({ messageId }) => ({ channel: 'EMAIL' as const, providerId: messageId })),
    ...stack.twilio!.messages().map(({ sid }) => ({ channel: 'WHATSAPP' as const, providerId: sid })),
  ];
  const verdict = check(rows, received, { fleet, due: await remindersDue(store) });
  console.log(outcomeTable(rows));
  console.log(`${upstream.published} events published, ${upstream.refusals.length} refused; ${received.length} messages received; ${(performance.now() / 1000).toFixed(1)} s in all`);
  for (const refusal of upstream.refusals.slice(0, 5)) console.log(`  ${refusal}`);
  console.log(verdictLines(verdict));
  await Promise.all([upstreamBus!.close(), operatorBus!.close(), store.close(), pool.end()]);
  return verdict.good && upstream.refusals.length === 0;
}

/** A store that is given from outside may hold another run's loans, whose keys and clock are gone. */
async function refuseUsed(store: EventStore): Promise<void> {
  const [found] = await store.readAll({ categories: ['attribution'], limit: 1 });
  if (!found) return;
  await store.close();
  throw new Error(`the event store holds loans already (${found.stream}): the demonstration needs one without`);
}

/** `<attribution> <type>` for each loan of each reminder that the scheduler announced. */
async function remindersDue(store: EventStore): Promise<string[]> {
  const due: string[] = [];
  for await (const page of pagesOf(store, { categories: ['schedule'] })) {
    for (const { type, data } of page) {
      if (type === 'ReminderDue') due.push(...(data as ReminderDue).loans.map(({ attributionId }) => `${attributionId} ${(data as ReminderDue).type}`));
    }
  }
  return due;
}

interface Passage extends Demonstration {
  readonly upstream: Upstream;
  readonly quiet: Quiet;
}

async function letTimeRun({ stack, steering, progress, upstream, quiet, isOver, ...trouble }: Passage): Promise<void> {
  const supervisor = createSupervisor(() => (isOver() ? [] : stack.services), progress.say);
  const makeTrouble = createTrouble(stack, trouble, progress.say);
  for (let still = 0; still < STILL;) {
    if (steering.now() >= HALF) await makeTrouble();
    await supervisor.revive();
    void upstream.publishDue();
    const { busy, next } = upstream.owed > 0 ? { busy: `${upstream.owed} events to publish`, next: undefined } : await quiet(steering.now());
    const over = steering.now() >= END && upstream.next === undefined;
    if (!busy && !over) steering.step(stepTo([next, upstream.next], steering.now()));
    still = over && !busy ? still + 1 : 0;
    progress.update(steering.now(), busy ?? '');
    await new Promise((resolve) => { setTimeout(resolve, LOOK_MS); });
  }
}

function stepTo(planned: readonly (string | undefined)[], now: string): number {
  const ahead = planned.flatMap((at) => (at ? [Date.parse(at) - Date.parse(now)] : []));
  return Math.max(SHORTEST_STEP_MS, Math.min(LONGEST_STEP_MS, ...ahead));
}
