import { describe, expect, test } from '@jest/globals';
import { headers as natsHeaders } from '@nats-io/nats-core';
import { Envelope, inboundTypes, publicEvents } from '@rappel/contracts';
import fc from 'fast-check';
import { z } from 'zod';
import { hostileString, sometimesSpoiled } from './support/hostile.ts';
import { operationsOf, type JsonSchema, type Operation, type Parameter } from './support/operations.ts';
import { valueOf } from './support/schema.ts';
import { call, until, type Bus, type System } from './support/system.ts';

const cases = Number(process.env['FUZZ_CASES'] ?? 2000);
const seed = Number(process.env['SEED'] ?? 386_187_601);
/** These read or rewrite everything: asked now and then only. */
const expensive = /\/data$|\/rebuild$|\/retention$|\/metrics$|swagger-ui|\/forget$/;

const jsonSchema = (schema: z.ZodType): JsonSchema => z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema;
const mostlyGood = (schema: JsonSchema): fc.Arbitrary<unknown> => sometimesSpoiled(valueOf(schema));
const sample = <T>(arbitrary: fc.Arbitrary<T>, numRuns: number, salt: number): T[] => fc.sample(arbitrary, { numRuns, seed: seed + salt });

async function together<T>(items: readonly T[], lanes: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  await Promise.all(Array.from({ length: lanes }, async () => { for (const item of queue) await work(item); }));
}

interface Request { readonly operation: Operation; readonly url: string; readonly body?: string; readonly type: string; readonly headers: Record<string, string> }

/** Lone surrogates cannot be written to a wire. */
const wellFormed = (text: string): string => Buffer.from(text).toString();
const inPath = (value: unknown): string => encodeURIComponent(wellFormed(String(typeof value === 'object' ? JSON.stringify(value) : value))) || '%20';
const headerSafe = (value: string): string => value.replaceAll(/[^\t\u0020-\u007e\u0080-\u00ff]/g, '?').trim();

function parameter({ schema }: Parameter): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 2, arbitrary: valueOf(schema) }, { weight: 2, arbitrary: hostileString as fc.Arbitrary<unknown> });
}

function requestsOf(operation: Operation, base: string): fc.Arbitrary<Request> {
  const places = (place: string) => operation.parameters.filter((one) => one.in === place);
  const params = fc.record(Object.fromEntries(places('path').map((one) => [one.name, parameter(one)])));
  const query = fc.record(Object.fromEntries(places('query').map((one) => [one.name, fc.oneof(parameter(one), fc.array(parameter(one), { maxLength: 3 }))])), { requiredKeys: [] });
  const stray = fc.option(fc.tuple(hostileString, hostileString), { nil: undefined, freq: 5 });
  const body = operation.body ? mostlyGood(operation.body.schema).map((value) => JSON.stringify(value)) : fc.constant(operation.method === 'get' ? undefined : '{}');
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

interface Inbound { readonly type: string; readonly data: unknown; readonly id: string; readonly binary: boolean; readonly subject: string | undefined; readonly cut: number | null }

/** As a CloudEvent in binary or structured mode, now and then with its end cut off. */
function written({ type, data, id, binary, subject, cut }: Inbound): { headers: ReturnType<typeof natsHeaders>; payload: string } {
  const headers = natsHeaders();
  const attributes = { specversion: '1.0', id, source: 'fuzz', type, ...(subject !== undefined && { subject }) };
  if (!binary) headers.set('content-type', 'application/cloudevents+json');
  else for (const [name, value] of Object.entries(attributes)) headers.set(`ce-${name}`, wellFormed(value.replaceAll(/[\r\n\u0000]/g, ' ')));
  const payload = JSON.stringify(binary ? data : { ...attributes, data }) ?? '';
  return { headers, payload: cut ? payload.slice(0, -cut) : payload };
}

interface Told { readonly id?: string; readonly error?: { readonly code: number; readonly message: string } }

async function ask(bus: Bus, type: string, { headers, payload }: ReturnType<typeof written>): Promise<Told> {
  try {
    return (await bus.request(`inbound.${type}`, payload, { timeout: 20_000, headers })).json();
  } catch (error) {
    return { error: { code: 504, message: `no answer: ${String(error)} ${[...headers].join(' ')}` } };
  }
}

/** What is wrong with an answer, or nothing. */
function fault({ status, text }: { status: number; text: string }, form: boolean): string | undefined {
  if (status >= 500) return 'server error';
  if (/node_modules|\.ts:\d+|at \w+ \(/.test(text)) return 'a stack trace';
  if (status < 400 || form) return undefined;
  try {
    const { error } = JSON.parse(text) as { error: { code: string; message: string } };
    return typeof error.code === 'string' && typeof error.message === 'string' ? undefined : 'not our error shape';
  } catch {
    return 'an error that is not JSON';
  }
}

const show = ({ operation, url, body, type }: Request, problem: string): string => `${problem}: ${operation.method.toUpperCase()} ${url.slice(0, 300)} ${type} ${body?.slice(0, 600) ?? ''}`;

/** Whatever comes in over HTTP and NATS: no 5xx, no crash, nothing lost. `FUZZ_CASES` and `SEED` steer it. */
export function fuzz(get: () => System): void {
  describe(`hostile input (seed ${seed}, ${cases} cases)`, () => {
    const accepted = new Set<string>();

    test('no schema throws, changes its mind or lets a prototype through', () => {
      const schemas: [string, z.ZodType][] = [['Envelope', Envelope], ...Object.entries(inboundTypes), ...Object.entries(publicEvents).map(([name, { schema }]) => [name, schema] as [string, z.ZodType])];
      let taken = 0;
      for (const [index, [name, schema]] of schemas.entries()) {
        for (const value of sample(mostlyGood(jsonSchema(schema)), Math.ceil(cases / schemas.length), index)) {
          const parsed = schema.safeParse(value);
          if (!parsed.success) continue;
          taken += 1;
          expect([name, schema.parse(parsed.data)]).toEqual([name, parsed.data]);
        }
      }
      expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
      process.stdout.write(`fuzz: ${schemas.length} schemas, ${cases} values, ${taken} taken; seed ${seed}\n`);
    }, 1_800_000);

    test('every endpoint answers with its own error, never with 5xx', async () => {
      const system = get();
      const operations = (await operationsOf(system)).flatMap((one) => (expensive.test(one.path) ? [one] : Array.from({ length: 20 }, () => one)));
      const each = Math.max(1, Math.round((cases * 0.7) / operations.length));
      const requests = operations.flatMap((operation, index) => sample(requestsOf(operation, system.urls[operation.service]), each, index));
      const problems: string[] = [];
      const statuses: Record<string, number> = {};
      let slowest = { ms: 0, what: '' };
      await together(requests, 16, async (request) => {
        const { operation, url, body, type, headers } = request;
        const started = performance.now();
        try {
          const answer = await call(url, operation.method, { token: system.all, body, type, headers });
          const ms = Math.round(performance.now() - started);
          if (ms > slowest.ms) slowest = { ms, what: show(request, '') };
          statuses[answer.status] = (statuses[answer.status] ?? 0) + 1;
          // Not ready is an answer: on a busy machine a check may take too long.
          const problem = operation.path === '/health/ready' ? undefined : fault(answer, operation.path.startsWith('/unsubscribe'));
          if (problem) problems.push(show(request, `${answer.status} ${problem}`));
          if (operation.path === '/attributions' && answer.status === 201) accepted.add((JSON.parse(answer.text) as { id: string }).id);
        } catch (error) {
          problems.push(show(request, String((error as { cause?: unknown }).cause ?? error)));
        }
      });
      process.stdout.write(`fuzz: ${requests.length} requests, by status ${JSON.stringify(statuses)}, ${accepted.size} loans taken, ${problems.length} problems; slowest ${slowest.ms} ms${slowest.what}; seed ${seed}\n`);
      expect(problems.slice(0, 10)).toEqual([]);
    }, 3_600_000);

    test('every message of upstream is answered: stored, or refused with a reason', async () => {
      const { upstream } = get();
      const event = fc.constantFrom(...Object.keys(inboundTypes) as (keyof typeof inboundTypes)[]).chain((type) => fc.record({
        type: fc.constant(type), data: mostlyGood(jsonSchema(inboundTypes[type])), id: fc.oneof(fc.uuid(), hostileString), binary: fc.boolean(), subject: fc.option(hostileString, { nil: undefined, freq: 3 }), cut: fc.option(fc.nat(40), { nil: 0, freq: 6 }),
      }));
      const events = sample(event, Math.ceil(cases * 0.1), 99);
      const problems: string[] = [];
      const answers: Record<string, number> = {};
      await together(events, 32, async (one) => {
        const { headers, payload } = written(one);
        const { error, id, ...answer } = await ask(upstream, one.type, { headers, payload });
        const kind = error ? String(error.code) : 'stored';
        answers[kind] = (answers[kind] ?? 0) + 1;
        if (error && (error.code >= 500 || typeof error.message !== 'string')) problems.push(`${JSON.stringify({ error, ...answer })} to ${payload.slice(0, 600)}`);
        if (one.type === 'AttributionCreated' && id !== undefined) accepted.add(id);
      });
      process.stdout.write(`fuzz: ${events.length} messages, by answer ${JSON.stringify(answers)}, ${problems.length} problems; seed ${seed}\n`);
      expect(problems.slice(0, 10)).toEqual([]);
    }, 3_600_000);

    test('all that was taken is there, and every service is well', async () => {
      const system = get();
      const missing: string[] = [];
      await together([...accepted], 16, async (id) => {
        if ((await call(`${system.urls.loan}/attributions/${encodeURIComponent(id)}`, 'get', { token: system.all })).status !== 200) missing.push(id);
      });
      process.stdout.write(`fuzz: ${accepted.size} loans were taken, ${missing.length} are missing\n`);
      expect(missing).toEqual([]);
      for (const service of system.stack.services) {
        expect([service.name, service.running()]).toEqual([service.name, true]);
        await until(`${service.name} to be ready`, async () => (await call(`${service.url}/health/ready`, 'get')).status === 200);
      }
    }, 600_000);
  });
}
