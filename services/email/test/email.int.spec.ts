import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startInbox, type Inbox } from '@rappel/local-stack';
import type { Outgoing } from '@rappel/notification';
import { createRenderer } from '@rappel/templates';
import { createSmtpProvider, messageIdOf } from '../src/smtp.ts';
import { createUnsubscribeLinks } from '../src/unsubscribe.ts';

let inbox: Inbox;
let provider: ReturnType<typeof open>;
const links = createUnsubscribeLinks(Buffer.alloc(32, 7).toString('base64'));
const base = { SMTP_HOST: '127.0.0.1', SMTP_USER: undefined, SMTP_PASSWORD: undefined, SMTP_FROM: 'Prêt <pret@example.org>', SMTP_SECURE: false, SMTP_CONNECTIONS: 5, SMTP_TIMEOUT_MS: 1500, RAPPEL_EMAIL_UNKNOWN: 'resend' as const };
function open(changes: Partial<Parameters<typeof createSmtpProvider>[0]['config']> = {}) {
  const opened = createSmtpProvider({
    config: { ...base, SMTP_PORT: inbox.smtpPort, ...changes }, renderer: createRenderer(), unsubscribeUrl: (id) => `https://rappel.example/unsubscribe/${links.token(id)}`,
  });
  return { ...opened, send: (message: Outgoing, leaseMs = 60_000) => opened.send(message, new Date(Date.now() + leaseMs).toISOString()) };
}

beforeAll(async () => {
  inbox = await startInbox();
  provider = open();
});
afterAll(async () => {
  provider?.close();
  await inbox?.stop();
});

function outgoing(recipient: string): Outgoing {
  const notificationId = randomUUID();
  return {
    notificationId, attemptId: randomUUID(), borrowerId: 'jean', recipient, grouped: false,
    about: { notificationId, attributionId: 'loan-1', borrowerId: 'jean', type: 'RAPPEL_J1', channel: 'EMAIL', dueVersion: 1, occurrence: 1 },
    model: { type: 'RAPPEL_J1', locale: 'fr', firstName: 'Jean', items: [{ code: 'PERC-001', name: 'Perceuse Bosch', dueDate: '2026-12-10' }], duration: 'LONG' },
  };
}

describe('email through SMTP', () => {
  it('sends text and HTML to one recipient, with a Message-ID of its own and a one-click way out', async () => {
    const message = outgoing('jean@example.org');
    expect(await provider.send(message)).toEqual({ kind: 'accepted', providerId: messageIdOf(message.notificationId, base.SMTP_FROM) });
    const [mail] = await inbox.mails({ to: 'jean@example.org' });
    expect(JSON.stringify(mail)).toContain(message.notificationId);
    expect(mail).toMatchObject({ subject: expect.stringContaining('Perceuse Bosch') });
    expect(JSON.stringify(mail)).toMatch(/list-unsubscribe-post/i);
  });

  it.each([
    ['bounce-550@example.org', 'RECIPIENT'],
    ['bounce-550-5.1.1@example.org', 'RECIPIENT'],
    ['bounce-550-5.7.1@example.org', 'CONFIG'],
    ['bounce-552-5.2.2@example.org', 'TRANSIENT'],
    ['tempfail-451-9@example.org', 'TRANSIENT'],
    ['tempfail-421-9@example.org', 'THROTTLE'],
    ['refuse-554-5.6.0@example.org', 'CONTENT'],
    ['drop-before-data-9@example.org', 'TRANSIENT'],
  ])('%s is %s', async (address, expected) => {
    const result = await provider.send(outgoing(address));
    expect(result).toMatchObject({ kind: 'failed', failure: { class: expected } });
    expect(JSON.stringify(result)).not.toContain(address);
  });

  it.each(['drop-after-data-9@example.org', 'slow-5000@example.org'])('%s is unknown: it may have been taken', async (address) => {
    const message = outgoing(address);
    expect(await provider.send(message)).toMatchObject({ kind: 'unknown' });
    const mails = await inbox.mails({ to: address });
    expect(mails.filter((mail) => JSON.stringify(mail).includes(message.notificationId)).length).toBeLessThanOrEqual(1);
  });

  it.each([['a fresh connection', false], ['a connection used before', true]])('is told goodbye on %s: a throttle; or goes to another connection and arrives once', async (_, used) => {
    const own = open({ SMTP_CONNECTIONS: 1 });
    const name = used ? 'used' : 'fresh';
    if (used) await own.send(outgoing(`before-${name}@example.org`));
    expect(await own.send(outgoing(`tempfail-421-9+${name}@example.org`))).toMatchObject({ kind: 'failed', failure: { class: 'THROTTLE', code: '4.7.0' } });
    if (used) await own.send(outgoing(`again-${name}@example.org`));
    const once = `${used ? 'tempfail-421' : 'healthy'}+${name}@example.org`;
    expect(await own.send(outgoing(once))).toMatchObject({ kind: 'accepted' });
    expect(await inbox.mails({ to: once })).toHaveLength(1);
    own.close();
  });

  it.each([['a fresh connection', false], ['a connection used before', true]])('on %s cut after the message, sends nothing twice by itself', async (_, used) => {
    const own = open({ SMTP_CONNECTIONS: 1 });
    if (used) await own.send(outgoing('before-cut@example.org'));
    const address = `drop-after-data-9+${used ? 'used' : 'fresh'}@example.org`;
    expect(await own.send(outgoing(address))).toMatchObject({ kind: 'unknown' });
    expect(await inbox.mails({ to: address })).toHaveLength(1);
    own.close();
  });

  it('looks at the clock again when the server is ready for the message: over the lease nothing is sent', async () => {
    const address = 'slow-rcpt-300@example.org';
    expect(await provider.send(outgoing(address), 100)).toMatchObject({ kind: 'failed', failure: { class: 'TRANSIENT', text: expect.stringContaining('nothing was sent') } });
    expect(await inbox.mails({ to: address })).toEqual([]);
    expect(await provider.send(outgoing(address), 5000)).toMatchObject({ kind: 'accepted' });
  });

  it('a bad login is a matter of configuration, nobody listening is not', async () => {
    const strict = await startInbox({ user: 'rappel', password: 'right' });
    const wrong = open({ SMTP_PORT: strict.smtpPort, SMTP_USER: 'rappel', SMTP_PASSWORD: 'wrong' });
    expect(await wrong.send(outgoing('jean@example.org'))).toMatchObject({ failure: { class: 'CONFIG' } });
    wrong.close();
    await strict.stop();
    const gone = open({ SMTP_PORT: 9 });
    expect(await gone.send(outgoing('jean@example.org'))).toMatchObject({ failure: { class: 'TRANSIENT' } });
    gone.close();
  });

  it('resends once by policy, then holds', async () => {
    const unknown = { outgoing: outgoing('jean@example.org'), notBefore: '', quietMs: 0 };
    expect(await provider.settle({ ...unknown, resends: 0 })).toEqual({ kind: 'not-sent', evidence: 'policy-resend' });
    expect(await provider.settle({ ...unknown, resends: 1 })).toEqual({ kind: 'held', evidence: 'policy-hold' });
  });

  it('takes no address that could carry a header', () => {
    for (const raw of ['a@b.fr\r\nBcc: x@y.fr', 'a b@c.fr', '<a@b.fr>', 'a@b', 'a@b.fr,c@d.fr', '']) expect(provider.address(raw)).toBeUndefined();
    expect(provider.address(' jean.dupont+x@exemple.co.uk ')).toBe('jean.dupont+x@exemple.co.uk');
  });

  it('signs its unsubscribe links', () => {
    expect(links.read(links.token('Jean'))).toBe('Jean');
    expect(links.read(links.token('jean').replace(/^./, 'X'))).toBeUndefined();
    expect(links.read(`${links.token('jean').split('.')[0]}.${links.token('Jean').split('.')[1]}`)).toBeUndefined();
  });
});
