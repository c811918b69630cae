import { scopes } from '@rappel/auth';
import { describe, expect, test } from '@jest/globals';
import { looseIn } from '../support/loose.ts';
import { documentsOf, operationsOf, type Operation } from './support/operations.ts';
import { say } from './support/say.ts';
import { call, services, type System } from './support/system.ts';

const stranger = `rpl_${'0'.repeat(16)}_${'0'.repeat(43)}`;
const urlOf = (system: System, { service, path }: Operation): string => system.urls[service] + path.replaceAll(/\{\w+\}/g, 'nobody');

async function statuses(system: System, operation: Operation): Promise<Record<string, number>> {
  const ask = async (token?: string) => (await call(urlOf(system, operation), operation.method, { ...(token && { token }), ...(operation.body && { body: '{}', type: operation.body.type }) })).status;
  const { scopes: wanted } = operation;
  const right = scopes.filter((scope) => wanted !== 'public' && (wanted.length === 0 || wanted.includes(scope)));
  const wrong = wanted === 'public' ? [] : scopes.filter((scope) => !right.includes(scope));
  const results: [string, number][] = [['none', await ask()], ['unknown', await ask(stranger)], ['garbage', await ask('garbage')]];
  for (const scope of wrong) results.push([`wrong ${scope}`, await ask(system.tokens[scope])]);
  for (const scope of right) results.push([`right ${scope}`, await ask(system.tokens[scope])]);
  return Object.fromEntries(results);
}

function expected(name: string, isPublic: boolean): (status: number) => boolean {
  if (isPublic) return (status) => status !== 401 && status < 500;
  if (name.startsWith('wrong')) return (status) => status === 403;
  if (name.startsWith('right')) return (status) => status !== 401 && status !== 403 && status < 500;
  return (status) => status === 401;
}

/** Every endpoint × no token, wrong scope, right scope. */
export function matrix(system: () => System): void {
  describe('matrix', () => {
    test('let in who has the scope, and nobody else', async () => {
      const operations = await operationsOf(system());
      const wrong: string[] = [];
      let tried = 0;
      for (const operation of operations) {
        const results = await statuses(system(), operation);
        tried += Object.keys(results).length;
        const line = `${operation.service} ${operation.method.toUpperCase()} ${operation.path} (${operation.scopes === 'public' ? 'public' : operation.scopes.join(' or ') || 'any token'})`;
        for (const [name, status] of Object.entries(results)) if (!expected(name, operation.scopes === 'public')(status)) wrong.push(`${line}: ${name} token → ${status}`);
      }
      say(`matrix: ${operations.length} endpoints of ${services.length} services × no, unknown, garbage, wrong and right tokens: ${tried} combinations, ${wrong.length} wrong`);
      expect(wrong).toEqual([]);
    }, 300_000);

    test('are public only where nothing can be read: health, the page without data, signed links and webhooks', async () => {
      const open = (await operationsOf(system())).filter(({ scopes: wanted }) => wanted === 'public').map(({ path }) => path);
      for (const path of new Set(open)) expect(path).toMatch(/^\/(?:health\/(?:live|ready)|docs(?:\/.+)?|unsubscribe\/.+|webhooks\/.+|dashboard.*|)$/);
    });

    test('say of every value that goes in or out what it is', async () => {
      const loose = (await documentsOf(system())).flatMap(({ service, document }) => Object.entries(document.paths).flatMap(([path, methods]) => Object.entries(methods).flatMap(([method, operation]) => {
        const contents = [operation.requestBody, ...Object.values(operation.responses)].flatMap((one) => Object.values(one?.content ?? {}));
        return [...operation.parameters.map(({ name, schema }) => [name, schema] as const), ...contents.map(({ schema }) => ['body', schema] as const)]
          .flatMap(([name, schema]) => looseIn(schema, `${service} ${method} ${path} ${name}`));
      })));
      expect(loose).toEqual([]);
    });

    test('do not exist beside the documented ones', async () => {
      for (const service of services) {
        for (const path of ['/', '/admin', '/debug', '/.env', '/metrics/', '//metrics', '/health/../metrics', '/notifications%2f', '/api', '/graphql']) {
          const { status } = await call(system().urls[service] + path, 'get');
          expect([service, path, status < 500 && (status !== 200 || path === '/')]).toEqual([service, path, true]);
        }
      }
    });

    test('refuse an unsigned or forged webhook', async () => {
      const url = `${system().urls.whatsapp}/webhooks/twilio/status`;
      const body = 'MessageSid=SM0123456789abcdef0123456789abcdef&MessageStatus=delivered';
      const type = 'application/x-www-form-urlencoded';
      expect((await call(url, 'post', { body, type })).status).toBe(403);
      expect((await call(url, 'post', { body, type, headers: { 'x-twilio-signature': 'AAAAAAAAAAAAAAAAAAAAAAAAAAA=' } })).status).toBe(403);
      expect((await call(url, 'post', { body: '{}', headers: { 'x-twilio-signature': 'AAAA' } })).status).toBe(415);
    });
  });
}
