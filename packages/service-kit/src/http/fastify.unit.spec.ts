import { PassThrough } from 'node:stream';
import { expect, test } from '@jest/globals';
import { refuseBroken } from './fastify.ts';

test.each([
  ['HPE_INVALID_METHOD', 400, 'bad-request'],
  ['HPE_HEADER_OVERFLOW', 431, 'headers-too-large'],
  ['ERR_HTTP_REQUEST_TIMEOUT', 408, 'request-timeout'],
])('what never became a request (%s) is answered with %d in the shape of every error, and the connection ends', async (code, status, named) => {
  const socket = new PassThrough();
  refuseBroken(Object.assign(new Error('x'), { code }), socket as never);
  const text = (await socket.toArray()).join('');
  const [head, body = ''] = text.split('\r\n\r\n');
  expect(head).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [\\s\\S]*content-length: ${body.length}[\\s\\S]*connection: close`));
  expect(JSON.parse(body)).toEqual({ error: { code: named, message: expect.any(String) } });
});
