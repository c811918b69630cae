import { randomInt } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { jetstreamManager } from '@nats-io/jetstream';
import { inboundTypes, publicEvents, streams, type InboundType } from '@rappel/contracts';
import { createDeadLetters, standingOf } from '@rappel/messaging';
import { createVault, sealingDeadLetters } from '@rappel/privacy';
import { openEventStore } from '@rappel/service-kit';
import fc from 'fast-check';
import type { z } from 'zod';
import { sometimesSpoiled } from '../support/hostile.ts';
import { operationsOf } from '../support/operations.ts';
import { say } from '../support/say.ts';
import { valueOf } from '../support/schema.ts';
import { call, until, type Bus, type System } from '../support/system.ts';
import { everyEvent } from '../support/traces.ts';
import { channelsOf, messagesOf, type Channel, type Sent } from './messages.ts';
import { fault, requestsOf, show, type Request } from './requests.ts';

const total = Number(process.env['FUZZ_CASES'] ?? 2000);
const seed = Number(process.env['SEED'] ?? randomInt(2 ** 31));
const share = { values: 0.3, requests: 0.55, messages: 0.15 };
/** These read or rewrite everything: asked now and then only. */
const expensive = /\/data$|\/rebuild$|\/verify$|\/retention$|\/metrics$|swagger-ui|\/forget$|^\/notifications\.(?:csv|ndjson)$/;
const RARELY = 1 / 20;

const channels = channelsOf();
const schemaOf = ({ subject, type }: Channel): z.ZodType | undefined =>
  (subject.startsWith('inbound.') ? inboundTypes[type as InboundType] : Object.values(publicEvents).find((one) => one.subject === subject)?.schema);

/** `count` cases of each source in turn, made as they are needed: a hundred thousand of them at once would fill the memory. */
function* drawn<T>(sources: readonly { readonly arbitrary: fc.Arbitrary<T>; readonly count: number }[], salt: number): Generator<T> {
  const AT_ONCE = 200;
  for (const [index, { arbitrary, count }] of sources.entries()) {
    for (let done = 0; done < count; done += AT_ONCE) yield* fc.sample(arbitrary, { numRuns: Math.min(AT_ONCE, count - done), seed: seed + salt + index * 1009 + done });
  }
}

async function together<T>(items: Iterator<T> & Iterable<T>, lanes: number, work: (item: T) => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: lanes }, async () => { for (const item of items) await work(item); }));
}

const tally = (counts: Record<string, number>): string => Object.entries(counts).sort().map(([name, n]) => `${n} × ${name}`).join(', ');
const count = (counts: Record<string, number>, name: string): void => { counts[name] = (counts[name] ?? 0) + 1; };

interface Told { readonly id?: string; readonly error?: { readonly code: number; readonly message: string } }
async function ask(bus: Bus, { subject, headers, payload }: Sent): Promise<Told> {
  try {
    return (await bus.request(subject, payload, { timeout: 20_000, headers })).json();
  } catch (error) {
    return { error: { code: 504, message: `no answer: ${String(error)} ${[...headers].join(' ')}` } };
  }
}

/** Whatever comes in over HTTP and NATS: no 5xx, no crash, nothing lost. `FUZZ_CASES` and `SEED` steer it. */
export function fuzz(get: () => System): void {
  describe(`fuzz (SEED=${seed}, ${total} cases)`, () => {
    /** Loans that were answered as taken. */
    const accepted = new Set<string>();
    const told: string[] = [];
    let tried = 0;
    let wrong = 0;

    test('no schema throws, changes its mind or lets a prototype through', () => {
      const each = Math.ceil((total * share.values) / channels.length);
      let taken = 0;
      for (const [index, channel] of channels.entries()) {
        const schema = schemaOf(channel);
        expect([channel.subject, schema !== undefined]).toEqual([channel.subject, true]);
        fc.assert(fc.property(sometimesSpoiled(valueOf(channel.payload)), (value) => {
          const parsed = schema!.safeParse(value);
          tried += 1;
          if (!parsed.success) return;
          taken += 1;
          expect(schema!.parse(parsed.data)).toEqual(parsed.data);
        }), { seed: seed + index, numRuns: each });
      }
      expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
      told.push(`${each * channels.length} values at the ${channels.length} schemas of AsyncAPI (${taken} taken)`);
    }, 1_800_000);

    test('every endpoint answers with its own error, never with 5xx', async () => {
      const system = get();
      const operations = await operationsOf(system);
      const weights = operations.map(({ path }) => (expensive.test(path) ? RARELY : 1));
      const each = (total * share.requests) / weights.reduce((sum, weight) => sum + weight, 0);
      const sources = operations.map((operation, index) => ({ arbitrary: requestsOf(operation, system.urls[operation.service]), count: Math.ceil(each * weights[index]!) }));
      const problems: string[] = [];
      const statuses: Record<string, number> = {};
      let requests = 0;
      await together<Request>(drawn(sources, 1), 16, async (request) => {
        requests += 1;
        try {
          const answer = await call(request.url, request.operation.method, { token: system.all, ...request });
          count(statuses, String(answer.status));
          const problem = fault(answer, request.operation);
          if (problem) problems.push(show(request, `${answer.status} ${problem}`));
          if (request.operation.path === '/attributions' && answer.status === 201) accepted.add((JSON.parse(answer.text) as { id: string }).id);
        } catch (error) {
          problems.push(show(request, String((error as { cause?: unknown }).cause ?? error)));
        }
      });
      tried += requests;
      wrong += problems.length;
      told.push(`${requests} requests at the ${operations.length} endpoints of OpenAPI (${tally(statuses)})`);
      expect(problems.slice(0, 10)).toEqual([]);
    }, 3_600_000);

    test('every request of upstream is answered: stored, or refused with a reason', async () => {
      const { upstream } = get();
      const inbound = channels.filter(({ subject }) => subject.startsWith('inbound.'));
      const problems: string[] = [];
      const answers: Record<string, number> = {};
      await together<Sent>(drawn(inbound.map((channel) => ({ arbitrary: messagesOf(channel), count: Math.ceil((total * share.messages) / 3 / inbound.length) })), 2), 32, async (sent) => {
        const { error, id } = await ask(upstream, sent);
        count(answers, error ? 'refused' : 'stored');
        if (error && (error.code >= 500 || typeof error.message !== 'string')) problems.push(`${JSON.stringify(error)} to ${sent.payload.slice(0, 600)}`);
        if (sent.type === 'AttributionCreated' && id !== undefined) accepted.add(id);
      });
      wrong += problems.length;
      tried += Object.values(answers).reduce((sum, n) => sum + n, 0);
      told.push(`requests on inbound.* (${tally(answers)})`);
      expect(problems.slice(0, 10)).toEqual([]);
    }, 3_600_000);

    test('every message that upstream only publishes is stored, or lies among the dead letters as it came', async () => {
      const system = get();
      const creation = channels.find(({ subject }) => subject === 'inbound.AttributionCreated')!;
      const sent = [...drawn([{ arbitrary: messagesOf(creation), count: Math.ceil((total * share.messages) / 3) }], 3)];
      for (const [number, { subject, headers, payload }] of sent.entries()) {
        headers.set('fuzz-case', String(number));
        if (headers.has('ce-id')) headers.set('ce-id', `plain-${number}`);
        system.upstream.publish(subject, payload.replace(/"id":"(?:[^"\\]|\\.)*","source":"fuzz"/, `"id":"plain-${number}","source":"fuzz"`), { headers });
      }
      await system.upstream.flush();
      await delivered(system, 'INBOUND');
      let lost: Sent[] = [];
      const found = await until('each to be stored or dead', async () => {
        const [stored, letters] = await Promise.all([correlations(system), deadCases(system)]);
        lost = sent.filter((_, number) => !stored.has(`plain-${number}`) && !letters.has(String(number)));
        return lost.length > 0 ? undefined : { stored: sent.filter((_, number) => stored.has(`plain-${number}`)).length, dead: letters.size };
      }).catch((error: unknown) => { throw new Error(`lost: ${lost.slice(0, 5).map(({ payload }) => payload.slice(0, 300)).join('\n')}`, { cause: error }); });
      tried += sent.length;
      told.push(`${sent.length} messages on inbound.* (${found.stored} × stored, ${found.dead} × dead letter, 0 × lost)`);
    }, 3_600_000);

    test('every public event, whoever forged it, is dealt with by each consumer', async () => {
      const system = get();
      const owners = { LOAN: 'loan', SCHEDULER: 'scheduler', NOTIFICATION: 'email' } as const;
      let sent = 0;
      for (const [stream, user] of Object.entries(owners)) {
        const own = channels.filter(({ subject }) => subject.startsWith(`${stream.toLowerCase()}.`));
        const bus = await system.connect(user);
        try {
          for (const { subject, headers, payload } of drawn(own.map((channel) => ({ arbitrary: messagesOf(channel), count: Math.ceil((total * share.messages) / 3 / publicEventCount) })), 4)) {
            bus.publish(subject, payload, { headers });
            sent += 1;
          }
          await bus.flush();
        } finally {
          await bus.close();
        }
      }
      for (const stream of Object.keys(owners)) await delivered(system, stream as keyof typeof streams, { settled: true });
      tried += sent;
      told.push(`${sent} forged public events`);
    }, 3_600_000);

    test('all that was taken is there, and every service is well', async () => {
      const system = get();
      const missing: string[] = [];
      await together([...accepted].values(), 16, async (id) => {
        if ((await call(`${system.urls.loan}/attributions/${encodeURIComponent(id)}`, 'get', { token: system.all })).status !== 200) missing.push(id);
      });
      say(`fuzz: ${tried} cases, SEED=${seed}: ${told.join('; ')}; ${accepted.size} loans answered as taken, ${missing.length} missing; ${wrong} answers wrong (5xx, stack trace, foreign shape)`);
      expect(missing).toEqual([]);
      for (const service of system.stack.services.filter(({ url }) => Object.values(system.urls).includes(url))) {
        expect([service.name, service.running()]).toEqual([service.name, true]);
        await until(`${service.name} to be ready`, async () => (await call(`${service.url}/health/ready`, 'get')).status === 200);
      }
    }, 600_000);
  });
}

const publicEventCount = Object.keys(publicEvents).length;

/** Waits until every consumer of the stream has got everything, and with `settled` has dealt with it as well. */
async function delivered(system: System, stream: keyof typeof streams, { settled = false } = {}): Promise<void> {
  // An operator may not read what upstream sent.
  const bus = await system.connect(stream === 'INBOUND' ? 'loan' : 'operator');
  try {
    const jsm = await jetstreamManager(bus, { checkAPI: false });
    for (const consumer of streams[stream].consumers) {
      await until(`${consumer} to have got everything`, async () => {
        if (settled) return (await standingOf(jsm, stream, consumer)).outstanding === 0;
        return (await jsm.consumers.info(stream, consumer)).num_pending === 0;
      }, 600_000);
    }
  } finally {
    await bus.close();
  }
}

async function correlations({ stack }: System): Promise<Set<string>> {
  const store = await openEventStore(stack.env['EVENT_STORE_URL']!);
  try {
    return new Set((await everyEvent(store)).flatMap(({ metadata }) => metadata.correlationId ?? []));
  } finally {
    await store.close();
  }
}

/** The numbers of the cases that lie among the dead letters. */
async function deadCases({ pool, stack }: System): Promise<Set<string>> {
  const letters = createDeadLetters(pool, sealingDeadLetters(createVault({ pool, masterKey: stack.env['RAPPEL_MASTER_KEY']! })));
  const cases = new Set<string>();
  for (let after: string | undefined; ;) {
    const page = await letters.list({ consumer: 'loan-inbound', limit: 200, ...(after !== undefined && { after }) });
    const headers = await Promise.all(page.letters.map(async ({ id }) => (await letters.show(id))!.headers));
    for (const { 'fuzz-case': number } of headers) if (number !== undefined) cases.add(number);
    if (page.next === undefined) return cases;
    after = page.next;
  }
}
