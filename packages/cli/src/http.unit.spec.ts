import { afterEach, expect, it } from '@jest/globals';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ToolConfig } from './config.ts';
import { createCall } from './http.ts';

let server: Server | undefined;
afterEach(() => { server?.close(); });

/** A service that has had too many requests: it says so to the first ones. */
async function busy(times: number, headers: Record<string, string>) {
  let asked = 0;
  server = createServer((_, answer) => {
    const refused = asked++ < times;
    answer.writeHead(refused ? 429 : 200, refused ? headers : {}).end(refused ? '{"error":{"code":"too-many-requests","message":"Rate limit exceeded"}}' : '{"ok":true}');
  });
  await new Promise<void>((resolve) => { server!.listen(0, '127.0.0.1', resolve); });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const call = createCall({ url: () => url, get: () => undefined } as unknown as ToolConfig, new AbortController().signal);
  return { asked: () => asked, ask: () => call('loan', '/attributions') };
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
