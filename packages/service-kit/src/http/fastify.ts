import type { Socket } from 'node:net';
import helmet from '@fastify/helmet';
import rateLimit from '@fastify/rate-limit';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import { Histogram } from 'prom-client';
import type { Registry } from 'prom-client';
import type { BaseConfig } from '../base-config.ts';
import { refuseEarly } from './error-filter.ts';
import { withTrace } from '../trace.ts';

/** Largest request body, bytes. */
const BODY_LIMIT = 256 * 1024;

const strictPolicy = {
  useDefaults: false,
  directives: {
    defaultSrc: ["'self'"], objectSrc: ["'none'"], baseUri: ["'none'"], formAction: ["'self'"], frameAncestors: ["'none'"],
  },
};

export async function createHttp(config: BaseConfig, registry: Registry): Promise<FastifyAdapter> {
  const adapter = new FastifyAdapter({
    bodyLimit: BODY_LIMIT,
    trustProxy: config.RAPPEL_TRUST_PROXY,
    forceCloseConnections: 'idle',
    requestTimeout: 30_000,
    // How late that is noticed: Node looks every 30 s by default.
    http: { connectionsCheckingInterval: 5000 },
    routerOptions: { maxParamLength: 300 },
    frameworkErrors: refuseEarly as never,
    clientErrorHandler: refuseBroken,
  });
  const fastify = adapter.getInstance() as unknown as FastifyInstance;
  await fastify.register(helmet, { contentSecurityPolicy: strictPolicy, strictTransportSecurity: config.NODE_ENV === 'production' });
  if (config.RAPPEL_RATE_LIMIT > 0) {
    await fastify.register(rateLimit, { max: config.RAPPEL_RATE_LIMIT, timeWindow: '1 minute', allowList: (request) => request.url.startsWith('/health/') });
  }
  refuseDoubles(fastify);
  refuseForms(fastify);
  fastify.addHook('onRequest', (request, _, next) => {
    // Following a trace makes every promise of the process cost more from then on: a service that is only asked how it is stays cheap.
    if (request.url.startsWith('/health/') || request.url === '/metrics') next();
    else withTrace(request.headers['traceparent'] as string | undefined, next);
  });
  measure(fastify, registry);
  return adapter;
}

const broken: Readonly<Record<string, readonly [status: string, code: string, message: string]>> = {
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'headers-too-large', 'this is not a request'],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'request-timeout', 'the request did not come in time'],
};

/** What is not HTTP, too much of it, or too slow: answered on the socket, in the same shape. */
export function refuseBroken(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, code, message] = broken[error.code ?? ''] ?? ['400 Bad Request', 'bad-request', 'this is not a request'];
  const body = JSON.stringify({ error: { code, message } });
  socket.end(`HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`);
}

/** Headers that a proxy and this server must not read differently. Node keeps the first of several and says nothing. */
const single = new Set(['host', 'authorization', 'content-type', 'content-length']);
function refuseDoubles(fastify: FastifyInstance): void {
  fastify.addHook('onRequest', (request, _, next) => {
    const names = request.raw.rawHeaders.flatMap((name, index) => (index % 2 === 0 && single.has(name.toLowerCase()) ? [name.toLowerCase()] : []));
    next(new Set(names).size < names.length ? Object.assign(new Error('a header came twice'), { statusCode: 400 }) : undefined);
  });
}

// A form needs no permission from the browser to be sent across sites, and all its values are strings.
function refuseForms(fastify: FastifyInstance): void {
  fastify.addHook('onRequest', (request, _, next) => {
    const form = (request.routeOptions.config as { form?: boolean }).form === true;
    const sent = (request.headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase();
    const wanted = form ? 'application/x-www-form-urlencoded' : 'application/json';
    const misfit = sent !== '' && sent !== wanted && !(!form && /^application\/[\w.+-]+\+json$/.test(sent));
    next(misfit ? Object.assign(new Error(`the body must be ${wanted}`), { statusCode: 415 }) : undefined);
  });
}

function measure(fastify: FastifyInstance, registry: Registry): void {
  const seconds = new Histogram({ name: 'http_request_duration_seconds', help: 'HTTP answers', labelNames: ['method', 'route', 'status'], registers: [registry] });
  fastify.addHook('onResponse', (request, reply, next) => {
    seconds.observe({ method: request.method, route: request.routeOptions.url ?? 'unknown', status: reply.statusCode }, reply.elapsedTime / 1000);
    next();
  });
}
