import { afterEach, beforeEach, expect, it } from '@jest/globals';
import nodemailer from 'nodemailer';
import { startInbox, type Inbox } from './inbox.ts';

let inbox: Inbox;
const cleanUps: (() => unknown)[] = [];
beforeEach(async () => {
  inbox = await startInbox();
  cleanUps.push(inbox.stop);
});
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

function send(to: string, options: { auth?: { user: string; pass: string }; socketTimeout?: number } = {}): Promise<unknown> {
  const transport = nodemailer.createTransport({ host: inbox.smtpHost, port: inbox.smtpPort, ...options });
  return transport.sendMail({
    from: 'Prêts <prets@ecole.example>', to, messageId: '<n-1@rappel.example>', subject: 'Rappel : caméra à rendre',
    text: 'À rendre avant 18h', html: '<p>À rendre avant <b>18h</b></p>', headers: { 'X-Notification-Id': 'n-1' },
  }).finally(() => transport.close());
}

it('lists what arrived and shows it on pages', async () => {
  await send('Élise <elise@ecole.example>');
  expect(await inbox.mails()).toMatchObject([{
    id: 1, envelopeTo: ['elise@ecole.example'], messageId: '<n-1@rappel.example>', subject: 'Rappel : caméra à rendre', answered: '250',
    headers: { 'x-notification-id': 'n-1' },
  }]);
  expect(await inbox.mails({ to: 'somebody@else.example' })).toEqual([]);
  expect(await (await fetch(`${inbox.url}/api/mails?to=ELISE@ecole.example`)).json()).toMatchObject({ mails: [{ id: 1 }] });
  expect(await (await fetch(inbox.url)).text()).toContain('caméra à rendre');
  expect(await (await fetch(`${inbox.url}/mail/1`)).text()).toContain('À rendre avant 18h');
  expect(await (await fetch(`${inbox.url}/html/1`)).text()).toContain('<b>18h</b>');
  await fetch(`${inbox.url}/api/mails`, { method: 'DELETE' });
  expect(inbox.count()).toBe(0);
});

it.each([
  ['bounce-550@x.example', { responseCode: 550, command: 'RCPT TO' }],
  ['bounce-550-5.1.2+a@x.example', { responseCode: 550, response: expect.stringContaining('5.1.2') }],
  ['bounce-421@x.example', { responseCode: 421 }],
  ['refuse-554-5.6.0@x.example', { responseCode: 554, code: 'EMESSAGE' }],
])('%s is refused and not kept', async (to, error) => {
  await expect(send(to)).rejects.toMatchObject(error);
  expect(inbox.count()).toBe(0);
});

it('heals after the asked number of temporary failures', async () => {
  await expect(send('tempfail-451-2@x.example')).rejects.toMatchObject({ responseCode: 451 });
  await expect(send('tempfail-451-2@x.example')).rejects.toMatchObject({ responseCode: 451 });
  await send('tempfail-451-2@x.example');
  expect(inbox.count()).toBe(1);
});

it('keeps the mail and cuts the connection after DATA, once', async () => {
  await expect(send('drop-after-data@x.example')).rejects.toThrow();
  await send('drop-after-data@x.example');
  expect((await inbox.mails()).map(({ answered, messageId }) => [answered, messageId])).toEqual([['cut-data', '<n-1@rappel.example>'], ['250', '<n-1@rappel.example>']]);
});

it('cuts before anything is kept', async () => {
  await expect(send('drop-before-data@x.example')).rejects.toThrow();
  expect(inbox.count()).toBe(0);
});

it('keeps the mail while the sender runs out of patience', async () => {
  await expect(send('slow-60000@x.example', { socketTimeout: 1000 })).rejects.toMatchObject({ code: 'ETIMEDOUT' });
  expect(await inbox.mails()).toMatchObject([{ answered: 'slow-data' }]);
});

it('refuses logins and connections on request', async () => {
  const auth = { user: 'rappel', pass: 'secret' };
  await send('a@x.example', { auth });
  await fetch(`${inbox.url}/settings`, { method: 'PUT', body: JSON.stringify({ refuseLogins: true }) });
  await expect(send('a@x.example', { auth })).rejects.toMatchObject({ code: 'EAUTH', responseCode: 535 });
  inbox.configure({ refuseLogins: false, refuseConnections: 421 });
  await expect(send('a@x.example')).rejects.toMatchObject({ responseCode: 421 });
  inbox.reset();
  await send('a@x.example');
  expect(inbox.count()).toBe(1);
});

it('keeps only the headers of mails that grew old', async () => {
  const small = await startInbox({ keepBodies: 1 });
  cleanUps.push(small.stop);
  const transport = nodemailer.createTransport({ host: small.smtpHost, port: small.smtpPort });
  for (const number of [1, 2]) await transport.sendMail({ from: 'a@x.example', to: 'b@x.example', subject: `mail ${number}`, text: 'body' });
  transport.close();
  expect((await small.mails()).map(({ subject }) => subject)).toEqual(['mail 1', 'mail 2']);
  expect((await fetch(`${small.url}/mail/1`)).status).toBe(404);
  expect((await fetch(`${small.url}/mail/2`)).status).toBe(200);
});
