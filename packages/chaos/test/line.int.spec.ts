import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { expect, test } from '@jest/globals';
import { openLine } from '../src/line.ts';

test('passes bytes on, holds them while frozen and resets connections', async () => {
  const echo = createServer((socket) => { socket.on('error', () => undefined); socket.pipe(socket); });
  await new Promise<void>((resolve) => { echo.listen(0, '127.0.0.1', resolve); });
  const line = await openLine((echo.address() as AddressInfo).port);
  const client = connect({ port: line.port, host: '127.0.0.1' });
  const received: string[] = [];
  client.on('data', (bytes) => received.push(String(bytes)));
  client.write('one');
  await once(client, 'data');

  line.freeze();
  client.write('two');
  const other = connect({ port: line.port, host: '127.0.0.1' });
  await once(other, 'connect');
  other.write('three');
  expect(received).toEqual(['one']);
  line.thaw();
  const [echoed] = await once(other, 'data') as [Buffer];
  expect(String(echoed)).toBe('three');
  if (received.length < 2) await once(client, 'data');
  expect(received).toEqual(['one', 'two']);

  const errors = [client, other].map((socket) => once(socket, 'error'));
  line.cut();
  await Promise.allSettled(errors);
  expect([client.destroyed, other.destroyed]).toEqual([true, true]);
  await line.stop();
  echo.close();
});
