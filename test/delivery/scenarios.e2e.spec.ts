import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { magicNumber, until } from '@rappel/local-stack';
import { startWholeSystem, type WholeSystem } from './support/whole-system.ts';

// The scenarios of the document this was asked for with: published on NATS as a lending system would, judged by what the
// Twilio simulator and the log's API say.
let system: WholeSystem;
beforeAll(async () => {
  system = await startWholeSystem({ CHANNEL_PROBE_MS: '200', TWILIO_TIMEOUT_MS: '2000' });
}, 180_000);
afterAll(() => system?.stop(), 60_000);

const preferences = { email: false, whatsapp: true, both: false, fallback: false };
const lend = (loan: string, phone: string): Promise<void> => system.lend(loan, { phone, preferences });
const asked = (outcome: string): number => system.stack.twilio!.counts()[outcome] ?? 0;
const sentTo = (number: string) => system.stack.twilio!.messages().filter(({ to }) => to === number);

describe('the five scenarios', () => {
  it('Scenario 1: Successful Send', async () => {
    await lend('success', '+33612345678');
    const sent = await system.logged('success', ({ delivery }) => delivery === 'read');
    expect(sent).toMatchObject({ status: 'ENVOYEE', type: 'CREATION', channel: 'WHATSAPP', attempts: 1, sentAt: system.clock.now(), errorText: null });
    expect(sentTo('+33612345678')).toMatchObject([{ sid: sent.providerId, body: expect.stringContaining('Perceuse Bosch') }]);
    expect(readFileSync(system.services.whatsapp.logFile, 'utf8')).toContain('WHATSAPP message sent');
  });

  it('Scenario 2: Invalid Phone', async () => {
    for (const phone of ['invalid_phone', 'jean@example.org', '12']) {
      const requests = JSON.stringify(system.stack.twilio!.counts());
      await lend(`invalid-${phone.length}`, phone);
      const failed = await system.logged(`invalid-${phone.length}`, ({ status }) => status === 'ECHEC_PERMANENT');
      expect(failed).toMatchObject({ attempts: 0, errorText: 'Invalid recipient phone number', sentAt: null });
      expect(JSON.stringify(system.stack.twilio!.counts())).toBe(requests);
    }
  });

  it('Scenario 3: Twilio API Error', async () => {
    const { whatsapp } = system.services;
    await whatsapp.restart({ TWILIO_ACCOUNT_SID: 'ACinvalid_sid' });
    await lend('bad-sid', '+33612345001');
    const failed = await system.logged('bad-sid', ({ status }) => status === 'ECHEC');
    expect(failed).toMatchObject({ attempts: 1, errorText: expect.stringMatching(/^Twilio API error/), waitingFor: 'paused' });
    // The channel tries it again by itself, and spends no further attempt on it.
    await until('two probes', async () => asked('20003') >= 3 || undefined);
    expect(await (await fetch(`${whatsapp.url}/channel`)).json()).toMatchObject({ state: { kind: 'paused', code: '20003' } });
    expect(await system.logged('bad-sid', ({ phase }) => phase === 'ready')).toMatchObject({ status: 'ECHEC', attempts: 1 });
    await whatsapp.restart();
    expect(await system.logged('bad-sid', ({ status }) => status === 'ENVOYEE')).toMatchObject({ attempts: 2 });
    expect(sentTo('+33612345001')).toHaveLength(1);
  });

  it('Scenario 4: Retry After Failure', async () => {
    const number = magicNumber('heal', 63012);
    await lend('heals', number);
    await system.logged('heals', ({ status, attempts }) => status === 'ECHEC' && attempts === 1);
    system.clock.step(61_000);
    await system.logged('heals', ({ status, attempts }) => status === 'ECHEC' && attempts === 2);
    system.clock.step(301_000);
    expect(await system.logged('heals', ({ status }) => status === 'ENVOYEE')).toMatchObject({ attempts: 3, errorText: null });
    expect(sentTo(number)).toHaveLength(1);
  });

  it('Scenario 5: Permanent Failure After 3 Attempts', async () => {
    const [number, before] = [magicNumber('reject', 63012), asked('63012')];
    await lend('never', number);
    for (const attempt of [1, 2]) {
      await system.logged('never', ({ status, attempts }) => status === 'ECHEC' && attempts === attempt);
      system.clock.step(301_000);
    }
    const failed = await system.logged('never', ({ status }) => status === 'ECHEC_PERMANENT');
    expect(failed).toMatchObject({ attempts: 3, errorText: expect.stringMatching(/^Twilio API error 63012/), sentAt: null });
    // Nothing is left that would try it again; what is lent later goes out.
    system.clock.step(86_400_000);
    await lend('later', '+33612345005');
    await system.logged('later', ({ status }) => status === 'ENVOYEE');
    const { waiting } = await (await fetch(`${system.services.whatsapp.url}/channel`)).json() as { waiting: Record<string, number> };
    expect({ retry: waiting['retry'] ?? 0, asked: asked('63012') - before, received: sentTo(number).length }).toEqual({ retry: 0, asked: 3, received: 0 });
  });
});
