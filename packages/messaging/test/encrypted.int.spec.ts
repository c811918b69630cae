import { rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { makeTempDir, startNats, type NatsServer } from '@rappel/local-stack';
import { lineSettings, tlsTrouble } from '@rappel/tls';
import { createAuthority, type Authority } from '@rappel/tls/testing';
import { busRefusal, connectBus, done } from '../src/index.ts';
import { cleanUp, cleanUps, event, openQueue, publishEvent, runStrategy, until } from './kit.ts';

const folder = makeTempDir('nats-tls');
let authority: Authority;
let server: NatsServer;
let address: string;
const trusting = () => ({ name: 'spec', user: 'spec', pass: 'the password', tls: { caFile: authority.ca } });

beforeAll(async () => {
  authority = await createAuthority(`${folder}/authority`);
  const { cert, key } = await authority.issue('nats');
  writeFileSync(`${folder}/tls.conf`, `tls { cert_file: "${cert}", key_file: "${key}" }\nauthorization { user: spec, password: "the password" }\n`);
  server = await startNats({ storeDir: `${folder}/nats`, durable: false, configFile: `${folder}/tls.conf` });
  address = `tls://localhost:${server.port}`;
});
afterEach(cleanUp);
afterAll(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

it('consumes over TLS, and goes on after the server was restarted', async () => {
  const bus = await connectBus({ servers: address, ...trusting() });
  cleanUps.push(() => bus.close());
  expect(bus.info).toMatchObject({ tls_required: true });
  const queue = await openQueue(bus);
  const seen: string[] = [];
  await runStrategy(bus, { ...queue, createStream: true }, { [`${queue.prefix}.one`]: async (message) => { seen.push(message.event.id); return done; } });
  const [before, after] = [event(), event()];
  publishEvent(bus, `${queue.prefix}.one`, before);
  await until('the first message', () => seen.includes(before.id));
  await server.restart();
  await until('the connection', () => bus.flush().then(() => true, () => undefined));
  publishEvent(bus, `${queue.prefix}.one`, after);
  await until('the second message', () => seen.includes(after.id));
});

it.each([
  ['another authority', async () => ({ servers: address, tls: { caFile: (await createAuthority(`${folder}/strange`)).ca } }), /NATS_TLS_CA/],
  ['no authority', async () => ({ servers: address, tls: undefined }), /NATS_TLS_CA/],
  ['a server without TLS', async () => ({ servers: process.env['TEST_NATS_URL']!.replace('nats:', 'tls:'), tls: undefined }), /leave tls:\/\//],
])('refused, with what to do: %s', async (_, changes, text) => {
  expect(tlsTrouble(await busRefusal({ ...trusting(), ...await changes() }), lineSettings.nats)?.text).toMatch(text);
});

it('says why where it is no matter of TLS, or nothing', async () => {
  expect(await busRefusal({ servers: address, ...trusting(), pass: 'wrong' })).toMatchObject({ message: expect.stringMatching(/authorization/i) });
  expect(await busRefusal({ servers: 'nats://127.0.0.1:9', ...trusting() })).toMatchObject({ message: expect.stringMatching(/refused/) });
  expect(await busRefusal({ servers: address, ...trusting() })).toBeUndefined();
});

it('tls:// means TLS or nothing: a server that offers none is not told the password', async () => {
  let heard = '';
  const stripped = createServer((socket) => {
    socket.on('error', () => undefined).on('data', (chunk) => { heard += chunk.toString(); });
    socket.write('INFO {"server_id":"X","version":"2.10.0","proto":1,"host":"127.0.0.1","port":4222,"headers":true,"max_payload":1048576}\r\n');
  });
  await new Promise<void>((resolve) => { stripped.listen(0, '127.0.0.1', resolve); });
  cleanUps.push(() => stripped.close());
  expect(await busRefusal({ servers: `tls://127.0.0.1:${(stripped.address() as AddressInfo).port}`, name: 'spec', user: 'spec', pass: 'the password' })).toBeDefined();
  expect(heard).toBe('');
});
