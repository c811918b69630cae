import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import twilio from 'twilio';
import { until } from '../port.ts';
import { errorCodes, magicNumber } from './behaviour.ts';
import { startTwilioSimulator, type TwilioSimulator } from './simulator.ts';

// The unchanged SDK; only the origin of its requests is replaced, as the whatsapp service does.
function redirected(origin: string, timeout: number): twilio.RequestClient {
  const requests = new twilio.RequestClient({ timeout });
  const send = requests.request.bind(requests);
  requests.request = (options) => {
    const { pathname, search } = new URL(options.uri);
    return send({ ...options, uri: new URL(pathname + search, origin).href });
  };
  return requests;
}

let simulator: TwilioSimulator;
const cleanUps: (() => unknown)[] = [];
const sender = 'whatsapp:+14155238886';
const contentSid = `HX${'a'.repeat(32)}`;

beforeEach(async () => {
  simulator = await startTwilioSimulator({ settings: { statusDelayMs: 5 } });
  cleanUps.push(simulator.stop);
});
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

function client(authToken = simulator.authToken, timeout = 5000): ReturnType<typeof twilio> {
  return twilio(simulator.accountSid, authToken, { httpClient: redirected(simulator.url, timeout) });
}

/** `turn` counts callbacks as they were sent: over several connections they may arrive in another order. */
interface Received { readonly turn: number; readonly signature: string; readonly form: Record<string, string> }

async function receiver(): Promise<{ url: string; received: Received[] }> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => { body += chunk; });
    request.on('end', () => {
      const turn = Number(String(request.headers['i-twilio-idempotency-token']).split('-').at(-1));
      received.push({ turn, signature: String(request.headers['x-twilio-signature']), form: Object.fromEntries(new URLSearchParams(body)) });
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  cleanUps.push(() => new Promise((resolve) => { server.close(resolve); server.closeAllConnections(); }));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/receipts?attempt=a%201`, received };
}

const waitFor = (what: string, condition: () => boolean) => until(what, async () => condition() || undefined, { patienceMs: 30_000 });

describe('the Twilio simulator and the unchanged SDK', () => {
  it('creates, fetches and lists', async () => {
    const created = await client().messages.create({ from: sender, to: 'whatsapp:+33612345678', body: 'Bonjour', validityPeriod: 60 });
    expect(created).toMatchObject({ status: 'queued', body: 'Bonjour', to: 'whatsapp:+33612345678', errorCode: null });
    expect(await client().messages(created.sid).fetch()).toMatchObject({ sid: created.sid });
    for (let number = 0; number < 7; number += 1) await client().messages.create({ from: sender, to: 'whatsapp:+33600000000', body: `${number}` });

    const since = new Date(Date.now() - 60_000);
    const listed = await client().messages.list({ to: 'whatsapp:+33600000000', from: sender, dateSentAfter: since, pageSize: 3 });
    expect(listed.map(({ body }) => body)).toEqual(['6', '5', '4', '3', '2', '1', '0']);
    expect(Number.isNaN(listed[0]?.dateSent.getTime())).toBe(false);
    expect(await client().messages.list({ to: 'whatsapp:+33600000000', dateSentBefore: since })).toEqual([]);
    expect(await client().messages.list({ dateSent: new Date(), limit: 2 })).toHaveLength(2);
    expect(simulator.messages()[0]).toMatchObject({ to: '+33612345678', body: 'Bonjour', validityPeriodSeconds: 60 });
  });

  it('fills content templates and serves them for a check at start-up', async () => {
    const variables = { 1: 'Caméra', 2: '18h' };
    simulator.registerContents([{ sid: contentSid, friendlyName: 'rappel_2h', variables, body: '{{1}} à rendre à {{2}}' }]);
    expect(await client().content.v1.contents(contentSid).fetch()).toMatchObject({ friendlyName: 'rappel_2h', language: 'fr', variables });
    expect(await client().content.v1.contents.list()).toHaveLength(1);
    await expect(client().content.v1.contents(`HX${'b'.repeat(32)}`).fetch()).rejects.toMatchObject({ status: 404, code: 20404 });

    await client().messages.create({ from: sender, to: 'whatsapp:+33612345678', contentSid, contentVariables: JSON.stringify(variables) });
    expect(simulator.messages()[0]?.body).toBe('Caméra à rendre à 18h');
    await expect(client().messages.create({ from: sender, to: 'whatsapp:+33612345678', contentSid, contentVariables: '{"1":""}' })).rejects.toMatchObject({ code: 21656 });
    const { sid } = await client().messages.create({ from: sender, to: 'whatsapp:+33612345678', contentSid, contentVariables: '{"1":"one"}' });
    await waitFor('the template failure', () => simulator.messages().some((message) => message.sid === sid && message.errorCode === 63028));
  });

  it('answers 401 / 20003 to a wrong token', async () => {
    await expect(client('wrong').messages.create({ from: sender, to: 'whatsapp:+33612345678', body: 'x' })).rejects.toMatchObject({ status: 401, code: 20003 });
    expect(simulator.messages()).toHaveLength(0);
  });

  it.each(Object.entries(errorCodes))('rejects with %s by number', async (code, status) => {
    await expect(client().messages.create({ from: sender, to: `whatsapp:${magicNumber('reject', Number(code))}`, body: 'x' })).rejects.toMatchObject({ code: Number(code), status });
  });

  it('heals after two rejections and obeys behaviours that testers set', async () => {
    const send = (to: string) => client().messages.create({ from: sender, to: `whatsapp:${to}`, body: 'x' });
    const healing = magicNumber('heal', 63012);
    await expect(send(healing)).rejects.toMatchObject({ code: 63012 });
    await expect(send(healing)).rejects.toMatchObject({ code: 63012 });
    expect(await send(healing)).toMatchObject({ status: 'queued' });
    simulator.behave('+33612345678', { reject: 21610, times: 1 });
    await expect(send('+33612345678')).rejects.toMatchObject({ code: 21610 });
    expect(await send('+33612345678')).toMatchObject({ status: 'queued' });
  });

  it.each([['+33639984000', /timeout/], ['+33639984001', /Internal Server Error/], ['+33639984002', /socket hang up|ECONNRESET/]])('%s: accepts the message and loses the answer', async (to, message) => {
    await expect(client(simulator.authToken, 300).messages.create({ from: sender, to: `whatsapp:${to}`, body: 'once' })).rejects.toThrow(message);
    expect(simulator.messages()).toHaveLength(1);
    expect(await client().messages.list({ to: `whatsapp:${to}` })).toHaveLength(1);
  });

  it.each(['+33639984003', '+33639984004'])('%s: loses the request itself', async (to) => {
    await expect(client().messages.create({ from: sender, to: `whatsapp:${to}`, body: 'x' })).rejects.toThrow();
    expect(simulator.messages()).toHaveLength(0);
  });

  it('limits the rate of a sender', async () => {
    simulator.configure({ ratePerSecond: 3 });
    const answers = await Promise.allSettled(Array.from({ length: 20 }, () => client().messages.create({ from: sender, to: 'whatsapp:+33612345678', body: 'x' })));
    const refused = answers.filter((answer) => answer.status === 'rejected');
    expect(refused.length).toBeGreaterThan(0);
    for (const { reason } of refused) expect(reason).toMatchObject({ status: 429, code: 20429 });
    expect(simulator.messages()).toHaveLength(20 - refused.length);
  });

  it('refuses free text outside the 24 h window on request', async () => {
    simulator.configure({ enforceWindow: true });
    simulator.openWindow('+33611111111');
    await client().messages.create({ from: sender, to: 'whatsapp:+33611111111', body: 'inside' });
    await client().messages.create({ from: sender, to: 'whatsapp:+33622222222', body: 'outside' });
    await waitFor('both to end', () => simulator.messages().every(({ status }) => status === 'read' || status === 'undelivered'));
    expect(simulator.messages().map(({ status, errorCode }) => [status, errorCode])).toEqual([['read', undefined], ['undelivered', 63016]]);
  });
});

describe('status callbacks', () => {
  async function statusesFor(to: string, count: number): Promise<Record<string, string>[]> {
    const { url, received } = await receiver();
    await client().messages.create({ from: sender, to: `whatsapp:${to}`, body: 'x', statusCallback: url });
    await waitFor(`${count} callbacks`, () => received.length >= count);
    for (const { signature, form } of received) expect(twilio.validateRequest(simulator.authToken, signature, url, form)).toBe(true);
    return received.toSorted((a, b) => a.turn - b.turn).map(({ form }) => form);
  }

  it('are signed as the SDK validates, in order', async () => {
    const forms = await statusesFor('+33612345678', 3);
    expect(forms.map(({ MessageStatus }) => MessageStatus)).toEqual(['sent', 'delivered', 'read']);
    expect(forms[0]).toMatchObject({ MessageSid: simulator.messages()[0]?.sid, To: 'whatsapp:+33612345678' });
  });

  it('come in order, and the last status stays, though the process stood still meanwhile', async () => {
    const { url, received } = await receiver();
    const send = (to: string) => client().messages.create({ from: sender, to: `whatsapp:${to}`, body: 'x', statusCallback: url });
    simulator.configure({ statusDelayMs: 200 });
    await send('+33611111111');
    await waitFor('one to be under way', () => simulator.messages()[0]?.status === 'sent');
    await send('+33622222222');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 700);
    await waitFor('all callbacks', () => received.length >= 6);
    expect(simulator.messages().map(({ status, history }) => [status, history.slice(-3).map((step) => step.status)])).toEqual([1, 2].map(() => ['read', ['sent', 'delivered', 'read']]));
  });

  it('tell failures with their code', async () => {
    const forms = await statusesFor(magicNumber('fail', 63024), 2);
    expect(forms.at(-1)).toMatchObject({ MessageStatus: 'undelivered', ErrorCode: '63024' });
  });

  it.each([['+33639985001', ['sent', 'sent', 'delivered', 'delivered', 'read', 'read']], ['+33639985002', ['read', 'delivered', 'sent']], ['+33639985005', ['sent', 'undelivered', 'delivered']]])('%s: %p', async (to, expected) => {
    expect((await statusesFor(to, expected.length)).map(({ MessageStatus }) => MessageStatus)).toEqual(expected);
  });

  it('are lost, or sent by hand, on request', async () => {
    const { url, received } = await receiver();
    const { sid } = await client().messages.create({ from: sender, to: 'whatsapp:+33639985000', body: 'x', statusCallback: url });
    await waitFor('the end of the message', () => simulator.messages()[0]?.status === 'read');
    expect(received).toEqual([]);
    const answer = await fetch(`${simulator.url}/_sim/callbacks`, { method: 'POST', body: JSON.stringify({ sid, status: 'failed', errorCode: 63005 }) });
    expect(await answer.json()).toMatchObject({ status: 'failed', answer: '204' });
    expect(received[0]?.form).toMatchObject({ MessageStatus: 'failed', ErrorCode: '63005' });
  });
});

it('is controlled over HTTP too', async () => {
  const call = async (method: string, path: string, body?: unknown) => (await fetch(`${simulator.url}/_sim/${path}`, { method, body: body === undefined ? undefined : JSON.stringify(body) })).json();
  await call('PUT', 'recipients/%2B33612345678', { reject: 63003 });
  await call('PUT', 'settings', { latencyMs: 1 });
  await expect(client().messages.create({ from: sender, to: 'whatsapp:+33612345678', body: 'x' })).rejects.toMatchObject({ code: 63003 });
  await client().messages.create({ from: sender, to: 'whatsapp:+33600000000', body: '<b>shown</b>' });
  expect(await call('GET', 'messages?to=%2B33600000000')).toMatchObject({ count: 1, messages: [{ body: '<b>shown</b>' }] });
  expect(await call('GET', 'counts')).toEqual({ 63003: 1, accepted: 1 });
  expect(await (await fetch(simulator.url)).text()).toContain('&lt;b&gt;shown');
  expect(await call('PUT', 'settings', { nonsense: 1 })).toHaveProperty('error');
  await call('POST', 'reset');
  expect(simulator.messages()).toHaveLength(0);
  expect(await call('GET', 'settings')).toMatchObject({ latencyMs: 0 });
});
