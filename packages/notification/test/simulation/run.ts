import { createInMemoryEventStore, derivedIds, readState } from '@rappel/event-store';
import type { Message } from '@rappel/messaging';
import { createGate, defaultDeliveryConfig, deliver, notificationFold, storeReceipt, unlimited, workOnce, type DeliveryDependencies, type Notification } from '../../src/index.ts';
import { createFakeProvider, createMemoryWaiting, createScene, type Delivered, type Fate } from '../../src/testing/index.ts';
import type { Outgoing } from '../../src/provider.ts';
import { createChance, createProcesses, providerOf, storeOf, waitingOf } from './processes.ts';

export interface Outcome {
  readonly notifications: readonly Notification[];
  /** What borrowers really received. */
  readonly taken: readonly Delivered[];
  /** Loans that were back before anything was published about them. */
  readonly backBefore: ReadonlySet<string>;
  readonly messages: readonly Message[];
  readonly crashes: number;
}

interface Posted { readonly message: Message; acked: boolean; inHand?: { process: number; life: number }; redeliveries: number }

const PROCESSES = 2;
const failure = (errorClass: 'TRANSIENT' | 'CONFIG' | 'THROTTLE' | 'CONTENT'): Fate => ({ kind: 'failed', failure: { class: errorClass, text: errorClass } });

/** One life of the WhatsApp service under everything that can go wrong, decided by the seed alone. Ends when all has settled. */
export async function simulate(seed: number): Promise<Outcome> {
  const chance = createChance(seed);
  let ms = Date.parse('2026-12-01T09:00:00.000Z');
  const now = (): string => new Date(ms).toISOString();
  let ids = 0;
  const idOf = derivedIds('6ba7b810-9dad-11d1-80b4-00c04fd430c8');
  const newId = (): string => idOf(`${seed}/${++ids}`);
  let troubled = true;
  const store = createInMemoryEventStore();
  const waiting = createMemoryWaiting(now);
  const processes = createProcesses(PROCESSES);
  const fates: Fate[] = [{ kind: 'take' }, { kind: 'take' }, { kind: 'take' }, { kind: 'lost' }, { kind: 'unknown' }, failure('TRANSIENT'), failure('THROTTLE'), failure('CONFIG'), failure('CONTENT')];
  const sent: Outgoing[] = [];
  const provider = createFakeProvider({
    channel: 'WHATSAPP',
    fate: (outgoing) => {
      const fate: Fate = troubled ? chance.pick(fates) : { kind: 'take' };
      if (fate.kind === 'take' || fate.kind === 'lost') sent.push(outgoing);
      return fate;
    },
  });
  const scene = createScene({ store, now });
  const { messages, backBefore, later } = await plan(scene, chance);
  const post: Posted[] = messages.map((message) => ({ message, acked: false, redeliveries: 0 }));

  const services = Array.from({ length: PROCESSES }, (_, process): DeliveryDependencies => {
    const breaking = { processes, process, chance, troubled: () => troubled };
    const own = storeOf(store, breaking);
    return {
      channel: 'WHATSAPP', store: own, waiting: waitingOf(waiting, breaking), provider: providerOf(provider, breaking, now),
      gate: createGate({ store: own, channel: 'WHATSAPP', limiter: unlimited, realNow: now, newId }),
      clock: { now, realMsUntil: (at) => Date.parse(at) - ms }, realNow: now, newId,
      open: async (personal) => personal,
      sleep: () => processes.stop(process),
      config: { ...defaultDeliveryConfig, retry: { attempts: 3, delays: [60, 300] }, channels: { preferred: 'WHATSAPP' } },
      note: () => undefined,
    };
  });

  const hand = (posted: Posted, process: number): void => {
    const mine = { process, life: processes.life(process) };
    posted.inHand = mine;
    const over = (acked: boolean): void => {
      if (posted.inHand !== mine) return;
      posted.inHand = undefined;
      // An acknowledgement may get lost on its way, too.
      posted.acked = acked && !(troubled && chance.happens(0.1));
    };
    deliver(services[process]!, posted.message).then((outcome) => over(outcome.kind !== 'retry'), () => over(false));
  };
  const open = (): Posted[] => post.filter(({ acked, inHand }) => !acked && !inHand);
  const work = (process: number): void => { workOnce(services[process]!, { claimMs: 90_000 }).catch(() => undefined); };
  let crashes = 0;
  const crash = (process: number): void => {
    crashes += 1;
    processes.crash(process);
    for (const posted of post) if (posted.inHand?.process === process) posted.inHand = undefined;
  };
  const receipt = async (): Promise<void> => {
    const outgoing = chance.pick(sent);
    const index = provider.taken.findIndex(({ attemptId }) => attemptId === outgoing.attemptId);
    await storeReceipt(store, { notification: outgoing.about, attemptId: outgoing.attemptId, grouped: outgoing.grouped, providerId: `SM${index + 1}`, delivery: chance.pick(['sent', 'delivered', 'read']), at: now() });
  };

  const actions: (() => unknown)[] = [
    () => { const posted = open(); if (posted.length > 0) hand(chance.pick(posted), chance.below(PROCESSES)); },
    // The same message at a second process, or again after it was acknowledged.
    () => { const posted = chance.pick(post); if (posted.redeliveries++ < 2) hand({ ...posted }, chance.below(PROCESSES)); },
    () => work(chance.below(PROCESSES)),
    () => { ms += chance.pick([10, 1000, 5000, 20_000, 70_000, 400_000]); },
    () => { if (chance.happens(0.3)) crash(chance.below(PROCESSES)); },
    () => (sent.length > 0 ? receipt() : undefined),
    () => later.shift()?.(),
  ];
  for (let step = 0; step < 120; step++) {
    if (processes.waiting() > 0 && chance.happens(0.8)) await processes.release(chance);
    else await chance.pick(actions)();
  }

  troubled = false;
  for (const happen of later) await happen();
  const settled = (): boolean => open().length === 0 && waiting.rows().length === 0;
  for (let round = 0; round < 200 && !(settled() && round > 5); round++) {
    for (const posted of open()) hand(posted, 0);
    work(0);
    work(1);
    while (processes.waiting() > 0) await processes.release(chance);
    ms += 30_000;
  }
  const streams = new Set((await store.readAll({ categories: ['notification'], limit: 10_000 })).map(({ stream }) => stream));
  const notifications = await Promise.all([...streams].map(async (stream) => (await readState(store, notificationFold, stream)).state));
  return { notifications, taken: provider.taken, backBefore, messages, crashes };
}

async function plan(scene: ReturnType<typeof createScene>, chance: ReturnType<typeof createChance>) {
  await scene.borrower({ borrowerId: 'jean', phone: '0612345678' });
  const loans = ['a', 'b', 'c'].slice(0, 1 + chance.below(3));
  const messages: Message[] = [];
  for (const loan of loans) messages.push(await scene.lend(loan, 'jean', { code: loan }));
  const backBefore = new Set(loans.filter(() => chance.happens(0.2)));
  for (const loan of backBefore) messages.push(await scene.giveBack(loan));
  const together = loans.length > 1 && chance.happens(0.5);
  for (const group of together ? [loans] : loans.map((loan) => [loan])) messages.push(scene.remind('RAPPEL_J1', group));
  const later = loans.filter((loan) => !backBefore.has(loan) && chance.happens(0.3)).map((loan) => async () => { await scene.giveBack(loan); });
  return { messages, backBefore, later };
}

