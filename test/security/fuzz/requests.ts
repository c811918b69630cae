import fc from 'fast-check';
import { hostileString, sometimesSpoiled } from '../support/hostile.ts';
import type { Operation, Parameter } from '../support/operations.ts';
import { valueOf } from '../support/schema.ts';

export interface Request { readonly operation: Operation; readonly url: string; readonly body?: string; readonly type: string; readonly headers: Record<string, string> }

/** Lone surrogates cannot be written to a wire. */
export const wellFormed = (text: string): string => Buffer.from(text).toString();
const inPath = (value: unknown): string => encodeURIComponent(wellFormed(String(typeof value === 'object' ? JSON.stringify(value) : value))) || '%20';
const headerSafe = (value: string): string => value.replaceAll(/[^\t\u0020-\u007e\u0080-\u00ff]/g, '?').trim();

function parameter({ schema }: Parameter): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 2, arbitrary: valueOf(schema) }, { weight: 2, arbitrary: hostileString as fc.Arbitrary<unknown> });
}

/** Requests of one endpoint as its OpenAPI document has it: most nearly right, the rest wrong in path, query, body, type or headers. */
export function requestsOf(operation: Operation, base: string): fc.Arbitrary<Request> {
  const places = (place: string) => operation.parameters.filter((one) => one.in === place);
  const params = fc.record(Object.fromEntries(places('path').map((one) => [one.name, parameter(one)])));
  const query = fc.record(Object.fromEntries(places('query').map((one) => [one.name, fc.oneof(parameter(one), fc.array(parameter(one), { maxLength: 3 }))])), { requiredKeys: [] });
  const stray = fc.option(fc.tuple(hostileString, hostileString), { nil: undefined, freq: 5 });
  const body = operation.body ? sometimesSpoiled(valueOf(operation.body.schema)).map((value) => JSON.stringify(value)) : fc.constant(operation.method === 'get' ? undefined : '{}');
  const mangled = fc.oneof({ weight: 8, arbitrary: body }, body.map((text) => text?.slice(0, -1)), body.map((text) => text && `${text}${text}`));
  const type = fc.oneof({ weight: 9, arbitrary: fc.constant(operation.body?.type ?? 'application/json') }, fc.constantFrom('text/plain', 'application/xml', 'multipart/form-data', 'application/x-www-form-urlencoded', 'application/json; charset=utf-16', 'a', ';'));
  const extra = fc.option(fc.record({ 'idempotency-key': hostileString.map(headerSafe), traceparent: hostileString.map(headerSafe), accept: hostileString.map(headerSafe), 'if-none-match': hostileString.map(headerSafe) }, { requiredKeys: [] }), { nil: {}, freq: 3 });
  return fc.record({ params, query, stray, body: mangled, type, extra }).map((one) => {
    const path = operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => inPath((one.params as Record<string, unknown>)[name]));
    const pairs = [...Object.entries(one.query).flatMap(([name, value]) => [value].flat().map((single) => [name, single] as const)), ...(one.stray ? [one.stray] : [])];
    const search = pairs.map(([name, value]) => `${inPath(name)}=${inPath(value)}`).join('&');
    return { operation, url: `${base}${path}${search && `?${search}`}`, ...(one.body !== undefined && operation.method !== 'get' && { body: one.body }), type: one.type, headers: one.extra as Record<string, string> };
  });
}

/** What is wrong with an answer, or nothing. Pages for people need not have the API's error shape. */
export function fault({ status, text }: { status: number; text: string }, { path }: Operation): string | undefined {
  // Not ready is an answer: on a busy machine a check may take too long.
  if (path === '/health/ready') return undefined;
  if (status >= 500) return 'server error';
  if (/node_modules|\.ts:\d+|at \w+ \(/.test(text)) return 'a stack trace';
  if (status < 400 || path.startsWith('/unsubscribe')) return undefined;
  try {
    const { error } = JSON.parse(text) as { error: { code: string; message: string } };
    return typeof error.code === 'string' && typeof error.message === 'string' ? undefined : 'not our error shape';
  } catch {
    return 'an error that is not JSON';
  }
}

export const show = ({ operation, url, body, type }: Request, problem: string): string => `${problem}: ${operation.method.toUpperCase()} ${url.slice(0, 300)} ${type} ${body?.slice(0, 600) ?? ''}`;
