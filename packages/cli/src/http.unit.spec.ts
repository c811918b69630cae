import { afterEach, expect, it } from '@jest/globals';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ToolConfig } from './config.ts';
import { createCall, type Call } from './http.ts';

let server: Server | undefined;
afterEach(() => { server?.close(); });

/** A service that has had too many requests: it says so to the first ones. */
async function busy(times: number, headers: Record<string, string>) {
  let asked = 0;
  const call = await serve((answer) => {
    const refused = asked++ < times;
    answer.writeHead(refused ? 429 : 200, refused ? headers : {}).end(refused ? '{"error":{"code":"too-many-requests","message":"Rate limit exceeded"}}' : '{"ok":true}');
  });
  return { asked: () => asked, ask: () => call('loan', '/attributions') };
}

async function serve(answers: (answer: ServerResponse) => void): Promise<Call> {
  server = createServer((_, answer) => answers(answer));
  await new Promise<void>((resolve) => { server!.listen(0, '127.0.0.1', resolve); });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return createCall({ url: () => url, get: () => undefined } as unknown as ToolConfig, new AbortController().signal);
}

it('asks again when the service says that it will take it', async () => {
  const { ask, asked } = await busy(2, { 'retry-after': '0' });
  expect(await ask()).toEqual({ ok: true });
  expect(asked()).toBe(3);
});

it('tells of a refusal that names no time, or does not end', async () => {
  const rude = await busy(1, {});
  await expect(rude.ask()).rejects.toThrow('loan: Rate limit exceeded [too-many-requests]');
  server!.close();
  const endless = await busy(100, { 'retry-after': '0' });
  await expect(endless.ask()).rejects.toThrow('[too-many-requests]');
  expect(endless.asked()).toBe(6);
});

it('says what a service that is not ready lacks', async () => {
  const call = await serve((answer) => { answer.writeHead(503).end('{"status":"not ready","checks":{"database":"up","nats":"down","relay":"down"}}'); });
  await expect(call('loan', '/health/ready')).rejects.toThrow('loan: not ready, nats, relay down [503]');
});
