import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { until, type Service } from '@rappel/local-stack';
import { startWholeSystem, type WholeSystem } from './support/whole-system.ts';

// Two processes each of email and WhatsApp share their consumers, their limit and their work; one of each is killed in the middle.
const PER_SECOND = 10;
const LOANS = 45;
/** What dies is looked into within seconds, so that nobody has to wait for it; long enough that a slow machine is no lost answer. */
const env = { CHANNEL_RATE_PER_SECOND: String(PER_SECOND), DELIVERY_LEASE_MS: '12000', TWILIO_TIMEOUT_MS: '5000', TWILIO_SETTLE_MS: '4000', SMTP_TIMEOUT_MS: '5000' };

interface Arrival { readonly notificationId: string; readonly at: number }

let system: WholeSystem;
let second: Readonly<Record<'email' | 'whatsapp', Service>>;
let begun: number;
type Arrivals = Readonly<Record<'EMAIL' | 'WHATSAPP', readonly Arrival[]>>;
let atDeath: Arrivals;
let arrivals: Arrivals;

/** What the inbox and the simulator have, in the order in which it came. */
async function arrived(): Promise<Arrivals> {
  const { inbox, twilio } = system.stack;
  return {
    EMAIL: (await inbox!.mails()).map(({ headers, receivedAt }) => ({ notificationId: headers['x-rappel-notification']!, at: Date.parse(receivedAt) })),
    WHATSAPP: twilio!.messages().map(({ statusCallback, acceptedAt }) => ({ notificationId: new URL(statusCallback!).searchParams.get('n')!, at: Date.parse(acceptedAt) })),
  };
}

async function sentBy({ url }: Service): Promise<number> {
  const metrics = await (await fetch(`${url}/metrics`)).text();
  return Number(/^rappel_delivery_steps_total\{.*what="sent".*\} (\d+)$/m.exec(metrics)?.[1] ?? 0);
}

beforeAll(async () => {
  system = await startWholeSystem(env);
  const { stack, services } = system;
  const [email, whatsapp] = await Promise.all((['email', 'whatsapp'] as const).map((name) => stack.startService(name, { instance: 2, patienceMs: 120_000 })));
  second = { email: email!, whatsapp: whatsapp! };
  begun = Date.now();
  await Promise.all(Array.from({ length: LOANS }, (_, n) => system.lend(`loan-${n}`, {
    email: `borrower-${n}@example.org`, phone: `+336123400${String(n).padStart(2, '0')}`, preferences: { email: true, whatsapp: true, both: true, fallback: true },
  })));
  for (const name of ['email', 'whatsapp'] as const) {
    await until(`both instances of ${name} send`, async () => (await sentBy(services[name]) > 0 && await sentBy(second[name]) > 0) || undefined);
  }
  await Promise.all([services.email.kill('SIGKILL'), services.whatsapp.kill('SIGKILL')]);
  atDeath = await arrived();
  let rows: Awaited<ReturnType<WholeSystem['log']>> = [];
  await until('everything has come to an end', async () => {
    rows = await system.log();
    // What was held up is tried again by the business clock, which stands still.
    if (rows.some(({ status }) => status === 'ECHEC')) system.clock.step(61_000);
    return (rows.length === 2 * LOANS && rows.every(({ status }) => status === 'ENVOYEE')) || undefined;
  }, { patienceMs: 120_000, tooLate: () => `of ${rows.length} in the log these are left: ${JSON.stringify(rows.filter(({ status }) => status !== 'ENVOYEE'))}` });
  arrivals = await arrived();
}, 240_000);
afterAll(() => system?.stop(), 60_000);

describe.each(['EMAIL', 'WHATSAPP'] as const)('two instances of %s, one killed in the middle', (channel) => {
  it('were in the middle when one of them died', () => {
    expect(atDeath[channel].length).toBeGreaterThan(1);
    expect(atDeath[channel].length).toBeLessThan(LOANS);
  });

  it('tell every borrower once, as one instance would', async () => {
    const rows = (await system.log()).filter((row) => row.channel === channel);
    expect(rows.map(({ attributionId }) => attributionId).toSorted()).toEqual(Array.from({ length: LOANS }, (_, n) => `loan-${n}`).toSorted());
    const copies = arrivals[channel].map(({ notificationId }) => notificationId).toSorted();
    expect([...new Set(copies)]).toEqual(rows.map(({ notificationId }) => notificationId).toSorted());
    const again = await Promise.all(copies.filter((id, index) => id === copies[index - 1]).map(settledBy));
    // Only mails, and only those of which nobody could know whether the dead process had sent them: by policy, once more.
    expect(again.filter((evidence) => channel === 'WHATSAPP' || !evidence.includes('policy-resend'))).toEqual([]);
  });

  it('stay under the limit together', () => {
    // A window begins with its first message and lets the limit pass, so the message after n full windows comes n seconds later at the earliest.
    const early = arrivals[channel].map(({ at }) => at - begun).toSorted((a, b) => a - b).flatMap((at, index) => (at + 1 < Math.floor(index / PER_SECOND) * 1000 ? [`message ${index + 1} after ${at} ms`] : []));
    expect(early).toEqual([]);
  });
});

/** The evidence by which a notification's unknown attempts were settled, as the log's API tells it. */
async function settledBy(notificationId: string): Promise<unknown[]> {
  const answer = await (await fetch(`${system.services['notification-log'].url}/notifications/${notificationId}`)).json() as { timeline: { data: { evidence?: string } }[] };
  return answer.timeline.map(({ data }) => data.evidence);
}
