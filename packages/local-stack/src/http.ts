import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { freePort } from './port.ts';

export interface Request {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: IncomingMessage['headers'];
  body: string;
}
export interface Exchange extends Request {
  response: ServerResponse;
}
export type Handler = (exchange: Exchange) => Promise<void> | void;

export interface HttpServer {
  readonly url: string;
  readonly port: number;
  /** Ends open connections too. */
  close(): Promise<void>;
}

/** A loopback HTTP server without a framework: the simulators answer thousands of requests a second beside the system under test. */
export async function serveHttp(handler: Handler, port?: number): Promise<HttpServer> {
  const server = createServer((request, response) => {
    readBody(request)
      .then((body) => {
        const [path = '/', query] = (request.url ?? '/').split('?', 2);
        return handler({ method: request.method ?? 'GET', path, query: new URLSearchParams(query), headers: request.headers, body, response });
      })
      .catch((error: unknown) => {
        if (response.headersSent) response.destroy();
        else sendJson(response, 400, { error: error instanceof Error ? error.message : String(error) });
      });
  });
  server.keepAliveTimeout = 60_000;
  const wanted = port ?? await freePort();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(wanted, '127.0.0.1', resolve);
  });
  const address = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${address.port}`,
    port: address.port,
    close: () => new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    }),
  };
}

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

export function sendHtml(response: ServerResponse, html: string): void {
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
  response.end(html);
}

export function notFound(response: ServerResponse): void {
  sendJson(response, 404, { error: 'not found' });
}

function readBody(request: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    request.on('error', reject);
  });
}
