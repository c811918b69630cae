import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { makeTempDir, startInbox, type Inbox } from '@rappel/local-stack';
import type { SendResult } from '@rappel/notification';
import { createRenderer } from '@rappel/templates';
import { createAuthority, type Authority, type Certificate } from '@rappel/tls/testing';
import { createSmtpProvider } from '../src/smtp.ts';

type Changes = Partial<Parameters<typeof createSmtpProvider>[0]['config']>;

const folder = makeTempDir('smtp-tls');
const certificates = new Map<string, Certificate>();
const cleanUps: (() => unknown)[] = [];
let authority: Authority;
let renderer: ReturnType<typeof createRenderer>;

beforeAll(async () => {
  renderer = createRenderer();
  authority = await createAuthority(folder);
  certificates.set('good', await authority.issue('good'));
  certificates.set('of another name', await authority.issue('elsewhere', { names: ['mail.example.org'], addresses: [] }));
  certificates.set('expired', await authority.issue('expired', { until: new Date(Date.now() - 60_000) }));
});
afterEach(async () => { for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp(); });
afterAll(() => { rmSync(folder, { recursive: true, force: true }); });

async function inboxWith(certificate: string | undefined, implicit = false): Promise<Inbox> {
  const inbox = await startInbox({ user: 'rappel', password: 'the password', ...(certificate && { tls: { ...certificates.get(certificate)!, implicit } }) });
  cleanUps.push(inbox.stop);
  return inbox;
}

/** A mail under a login, over a line that must be encrypted although it does not leave the machine. */
async function send(port: number, changes: Changes = {}): Promise<SendResult> {
  const provider = createSmtpProvider({
    config: {
      SMTP_HOST: '127.0.0.1', SMTP_PORT: port, SMTP_USER: 'rappel', SMTP_PASSWORD: 'the password', SMTP_FROM: 'pret@example.org', SMTP_REQUIRE_TLS: true, SMTP_TLS_CA: authority.ca,
      SMTP_CONNECTIONS: 1, SMTP_TIMEOUT_MS: 3000, RAPPEL_EMAIL_UNKNOWN: 'resend', ...changes,
    },
    renderer, unsubscribeUrl: () => undefined,
  });
  const notificationId = randomUUID();
  try {
    return await provider.send({
      notificationId, attemptId: randomUUID(), borrowerId: 'jean', recipient: 'jean@example.org', grouped: false,
      about: { notificationId, attributionId: 'loan-1', borrowerId: 'jean', type: 'RAPPEL_J1', channel: 'EMAIL', dueVersion: 1, occurrence: 1 },
      model: { type: 'RAPPEL_J1', locale: 'fr', firstName: 'Jean', items: [{ code: 'PERC-001', name: 'Perceuse Bosch', dueDate: '2026-12-10' }], duration: 'LONG' },
    }, new Date(Date.now() + 60_000).toISOString());
  } finally {
    provider.close();
  }
}

async function listen(onConnection: (socket: Socket) => void): Promise<number> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    onConnection(socket);
  });
  cleanUps.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  return (server.address() as AddressInfo).port;
}

/** Somebody on the way who writes down what is said and may change what the server says. */
async function eavesdropper(port: number, change = (said: string): string => said): Promise<{ port: number; heard(): string }> {
  let heard = '';
  const own = await listen((client) => {
    const server = connect(port, '127.0.0.1');
    cleanUps.push(() => server.destroy());
    server.on('error', () => client.destroy()).on('close', () => client.destroy()).on('data', (chunk) => client.write(Buffer.from(change(chunk.toString('latin1')), 'latin1')));
    client.on('close', () => server.destroy()).on('data', (chunk) => {
      heard += chunk.toString('latin1');
      server.write(chunk);
    });
  });
  return { port: own, heard: () => heard };
}

describe.each([['TLS from the first byte', true], ['STARTTLS', false]])('%s', (_, implicit) => {
  it('takes login and mail, and nobody on the way can read them', async () => {
    const inbox = await inboxWith('good', implicit);
    const line = await eavesdropper(inbox.smtpPort);
    expect(await send(line.port, { SMTP_SECURE: implicit })).toMatchObject({ kind: 'accepted' });
    expect(await inbox.mails({ to: 'jean@example.org' })).toHaveLength(1);
    expect(line.heard()).not.toMatch(/AUTH|MAIL FROM|Perceuse/);
  });

  it.each([
    ['good', { SMTP_TLS_CA: undefined }, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', /SMTP_TLS_CA, or in NODE_EXTRA_CA_CERTS/],
    ['of another name', {}, 'ERR_TLS_CERT_ALTNAME_INVALID', /SMTP_HOST/],
    ['expired', {}, 'CERT_HAS_EXPIRED', /renewed/],
  ])('a certificate that is %s, with %j, is a matter of configuration: %s', async (certificate, changes, code, text) => {
    const inbox = await inboxWith(certificate, implicit);
    expect(await send(inbox.smtpPort, { SMTP_SECURE: implicit, ...changes })).toMatchObject({ kind: 'failed', failure: { class: 'CONFIG', code, text: expect.stringMatching(text) } });
    expect(inbox.count()).toBe(0);
  });

  it.each(['hangs', 'breaks'])('a handshake that %s is not', async (how) => {
    const port = await listen((socket) => {
      if (!implicit) socket.write('220 hello\r\n');
      socket.on('data', (chunk) => {
        const said = chunk.toString('latin1');
        if (said.startsWith('EHLO')) socket.write('250-here\r\n250 STARTTLS\r\n');
        else if (said.startsWith('STARTTLS')) socket.write('220 go on\r\n');
        else if (how === 'breaks') socket.destroy();
      });
    });
    expect(await send(port, { SMTP_SECURE: implicit, SMTP_TIMEOUT_MS: 600 })).toMatchObject({ kind: 'failed', failure: { class: 'TRANSIENT' } });
  });
});

describe('a line that could be in clear', () => {
  it('carries no login and no mail where STARTTLS was taken out on the way, or is not there', async () => {
    for (const certificate of ['good', undefined]) {
      const inbox = await inboxWith(certificate);
      const line = await eavesdropper(inbox.smtpPort, (said) => said.replace('STARTTLS', 'XXXXXXXX').replace(/^220 .*Ready.*/i, '502 what?'));
      expect(await send(line.port)).toMatchObject({ kind: 'failed', failure: { class: 'CONFIG', text: expect.stringContaining('SMTP_REQUIRE_TLS=false') } });
      expect(line.heard()).not.toMatch(/AUTH|MAIL FROM|Perceuse/);
      expect(inbox.count()).toBe(0);
    }
  });

  it.each([['500 what?', 'CONFIG'], ['454 4.7.0 not now', 'TRANSIENT'], ['421 4.3.2 too busy', 'THROTTLE']])('told %s to STARTTLS: %s', async (reply, errorClass) => {
    const port = await listen((socket) => {
      socket.write('220 hello\r\n');
      socket.on('data', (chunk) => { socket.write(chunk.toString().startsWith('EHLO') ? '250-here\r\n250 STARTTLS\r\n' : `${reply}\r\n`); });
    });
    expect(await send(port)).toMatchObject({ kind: 'failed', failure: { class: errorClass } });
  });

  it('says so when the server knows no EHLO, or the port is not one for TLS from the first byte', async () => {
    const ancient = await listen((socket) => {
      socket.write('220 hello\r\n');
      socket.on('data', () => { socket.write('502 what?\r\n'); });
    });
    expect(await send(ancient)).toMatchObject({ failure: { class: 'CONFIG', code: '502', text: expect.stringContaining('SMTP_REQUIRE_TLS=false') } });
    expect(await send((await inboxWith('good')).smtpPort, { SMTP_SECURE: true })).toMatchObject({ failure: { class: 'CONFIG', text: expect.stringContaining('SMTP_SECURE=true is for port 465') } });
  });

  it('on this machine is encrypted where that is offered, whosever certificate it is, and in clear where not', async () => {
    const changes = { SMTP_REQUIRE_TLS: undefined, SMTP_TLS_CA: undefined };
    for (const certificate of ['of another name', undefined]) {
      const inbox = await inboxWith(certificate);
      const line = await eavesdropper(inbox.smtpPort);
      expect(await send(line.port, changes)).toMatchObject({ kind: 'accepted' });
      expect([certificate, line.heard().includes('MAIL FROM')]).toEqual([certificate, certificate === undefined]);
    }
  });
});
