import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createApiKey, migrateAuth } from '@rappel/auth';
import { startStack, type Stack } from '@rappel/local-stack';
import { createPool } from '@rappel/postgres';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const services = ['loan', 'scheduler', 'email', 'whatsapp', 'notification-log'];
let stack: Stack;
let env: Record<string, string>;
const folder = mkdtempSync(join(tmpdir(), 'rappel-tool-'));

beforeAll(async () => {
  stack = await startStack({ env: { LOG_LEVEL: 'warn' } });
  const running = await Promise.all(services.map((name) => stack.startService(name)));
  const pool = createPool(stack.env['DATABASE_URL']!, { max: 1 });
  await migrateAuth(pool);
  const { token } = await createApiKey(pool, { name: 'tool', scopes: ['loans:write', 'log:read', 'personal:read', 'ops', 'admin'] });
  await pool.end();
  const { user, pass } = stack.natsLogin('operator');
  const urls = Object.fromEntries(running.map(({ name, url }) => [`RAPPEL_${name === 'notification-log' ? 'LOG' : name.toUpperCase()}_URL`, url]));
  env = { ...stack.env, ...urls, RAPPEL_API_KEY: token, ...(user && { NATS_USER: user, NATS_PASSWORD: pass! }), RAPPEL_RUNNING: join(folder, 'none') };
}, 120_000);
afterAll(async () => {
  await stack?.stop();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

interface Ran { code: number | null; out: string; err: string }
const run = (args: string[], over: Record<string, string> = {}): Promise<Ran> => new Promise((resolve) => {
  const child = spawn(process.execPath, ['dist/cli.mjs', ...args], { env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env, ...over }, stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, err] = ['', ''];
  child.stdout.on('data', (data: Buffer) => { out += data; });
  child.stderr.on('data', (data: Buffer) => { err += data; });
  child.on('close', (code) => resolve({ code, out, err }));
});
async function ok<T>(...args: string[]): Promise<T> {
  const { code, out, err } = await run(['--json', '--yes', '--as', 'tester', '--why', 'end-to-end test', ...args]);
  if (code !== 0) throw new Error(`rappel ${args.join(' ')} ended with ${code}: ${err}\n${out}`);
  return (out.trim() === '' ? undefined : JSON.parse(out)) as T;
}
async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (const end = Date.now() + 30_000; Date.now() < end;) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => { setTimeout(resolve, 100); });
  }
  throw new Error('it did not come about in 30 s');
}

const loan = (id: string, borrower: object) => ({
  attributionId: id, duration: 'LONG', due: { date: '2027-03-28', zone: 'Europe/Paris' }, item: { code: 'PERC-001', name: 'Perceuse' }, borrower: { id: `b-${id}`, firstName: 'Jean', ...borrower },
});
interface Failed { notificationId: string; status: string; errorText: string }

describe('rappel, against the running stack', () => {
  it('lends, imports, moves, takes back and cancels; asks before it does', async () => {
    const create = ['loans', 'create', '--id', 'l-1', '--borrower', 'b-1', '--first-name', 'Jean', '--email', 'jean@example.org', '--item', 'PERC-001', '--item-name', 'Perceuse', '--due', '2027-03-28T18:00'];
    expect(await run(create)).toMatchObject({ code: 2, err: expect.stringContaining('--yes') });
    await ok(...create);
    await ok('loans', 'reschedule', 'l-1', '--due', '2027-04-02');
    await ok('loans', 'return', 'l-1');
    const file = join(folder, 'loans.ndjson');
    writeFileSync(file, [loan('l-2', { phone: 'nonsense@phone', preferences: { email: false, whatsapp: true } }), loan('l-3', { email: 'marie@example.org' })].map((one) => JSON.stringify(one)).join('\n'));
    expect(await ok('loans', 'import', file)).toEqual({ imported: 2, failures: [] });
    expect(await ok('loans', 'import', file)).toEqual({ imported: 2, failures: [] });
    await ok('loans', 'cancel', 'l-3');
    expect(await run(['loans', 'return', 'nobody', '--yes'])).toMatchObject({ code: 3 });
    expect(await run(['loans', 'create', '--yes', ...create.slice(2), '--duration', 'SHORT'])).toMatchObject({ code: 2 });
  });

  it('shows what failed, counts before it replays, and refuses nonsense', async () => {
    const [failed] = await until(async () => {
      const found = await ok<Failed[]>('failed', '--channel', 'WHATSAPP');
      return found.length > 0 ? found : undefined;
    });
    expect(failed).toMatchObject({ status: 'ECHEC_PERMANENT', errorText: 'Invalid recipient phone number' });
    expect(await ok('show', failed!.notificationId)).toMatchObject({ timeline: expect.arrayContaining([expect.objectContaining({ type: 'NotificationGivenUp' })]) });
    const counted = await ok<{ service: string; matching: number; replayed: string[] }[]>('replay', '--class', 'RECIPIENT', '--dry-run');
    expect(counted.find(({ service }) => service === 'whatsapp')).toMatchObject({ matching: 1, replayed: [] });
    const replayed = await ok<{ service: string; replayed: string[] }[]>('replay', failed!.notificationId);
    expect(replayed.flatMap((one) => one.replayed)).toEqual([failed!.notificationId]);
    expect(await run(['replay'])).toMatchObject({ code: 2 });
    expect(await run(['show', '00000000-0000-4000-8000-000000000000'])).toMatchObject({ code: 3 });
  });

  it('pauses and resumes a channel, and lists what is unknown', async () => {
    expect(await ok('channel', 'pause', 'whatsapp')).toMatchObject({ state: { kind: 'paused' } });
    expect(await ok('channel', 'resume', 'WHATSAPP')).toMatchObject({ state: { kind: 'open' } });
    expect(await ok('unknown', 'list')).toEqual([]);
    expect(await run(['unknown', 'resolve', '00000000-0000-4000-8000-000000000000', '--sent', '--yes'])).toMatchObject({ code: 3 });
    expect(await run(['channel', 'pause', 'pigeon', '--yes'])).toMatchObject({ code: 2 });
  });

  it('rebuilds and verifies the log, and shows it as it was', async () => {
    expect(await ok('projection', 'status')).toMatchObject({ setAside: [] });
    expect(await ok('projection', 'rebuild')).toMatchObject({ equal: true });
    expect(await ok('projection', 'verify')).toMatchObject({ equal: true });
    expect(await ok('projection', 'verify', '--sample', '10')).toMatchObject({ equal: true });
    expect(await ok('projection', 'as-of', new Date().toISOString())).toMatchObject({ schema: 'log_as_of', poison: 0 });
  });

  it('exports, imports again and republishes events; every change is among them with who and why', async () => {
    const file = join(folder, 'events.ndjson');
    const { events } = await ok<{ events: number }>('events', 'export', file);
    expect(events).toBeGreaterThan(10);
    expect(await ok('events', 'import', file)).toMatchObject({ events, written: 0 });
    const { out } = await run(['events', 'export']);
    const operations = out.split('\n').filter((line) => line.includes('"OperatorActed"')).map((line) => JSON.parse(line) as { data: object; metadata: object });
    expect(operations).toContainEqual(expect.objectContaining({ data: expect.objectContaining({ command: 'channel pause', why: 'end-to-end test' }), metadata: { actor: 'operator:tester' } }));
    const { events: count } = await ok<{ events: number }>('republish', '--dry-run');
    expect(await ok('republish')).toEqual({ events: count });
    const other = stack.env['DATABASE_URL']!.replace(/\/[^/]*$/, '/postgres');
    expect(await ok('events', 'copy', '--to', other)).toMatchObject({ events: expect.any(Number) });
  });

  it('keeps keys, dead letters and the privacy of borrowers', async () => {
    const { id, token } = await ok<{ id: string; token: string }>('key', 'create', 'reader', '--scopes', 'log:read');
    expect(await run(['failed', '--json'], { RAPPEL_API_KEY: token })).toMatchObject({ code: 0 });
    expect(await run(['channel', 'pause', 'EMAIL', '--yes'], { RAPPEL_API_KEY: token })).toMatchObject({ code: 3 });
    await ok('key', 'revoke', id);
    expect(await ok('key', 'list')).toContainEqual(expect.objectContaining({ id, name: 'reader', revokedAt: expect.any(String) }));
    expect(await ok('deadletters', 'list')).toEqual([]);
    expect(await run(['deadletters', 'drop', '00000000-0000-4000-8000-000000000000', '--yes'])).toMatchObject({ code: 3 });
    expect(await ok('retention', 'run', '--dry-run')).toMatchObject({ borrowers: expect.any(Number) });
    await ok('borrower', 'forget', 'b-1');
  });

  it('previews a schedule', async () => {
    expect(await ok('schedule', 'preview', '--due', '2027-03-28')).toMatchObject({ loan: { rungs: expect.arrayContaining([expect.objectContaining({ type: 'RAPPEL_J2' })]) } });
    await ok('schedule', 'show', 'l-2');
  });

  it('previews a policy against the loans that are out, and puts it in force once', async () => {
    const file = join(folder, 'policy.json');
    const { version, policy } = await ok<{ version: number; policy: { ladders: { LONG: { overdue: unknown } } } }>('policy', 'show');
    writeFileSync(file, JSON.stringify({ ...policy, ladders: { ...policy.ladders, LONG: { ...policy.ladders.LONG, overdue: null } } }));
    expect(await ok('schedule', 'preview', '--policy', file)).toMatchObject({ policyVersion: version + 1, change: { byType: { RETARD: { after: { messages: 0 } } } } });
    const { out } = await run(['schedule', 'preview', '--policy', file]);
    expect(out).toMatch(/of \d+ loan\(s\) that are out would change/);
    expect(await ok('policy', 'activate', file)).toMatchObject({ version: version + 1, why: expect.stringContaining('end-to-end test') });
    expect(await run(['policy', 'activate', file, '--based-on', String(version), '--yes'])).toMatchObject({ code: 3 });
    expect((await ok<{ policy: object }>('policy', 'show', '--version', String(version))).policy).toEqual(policy);
    writeFileSync(file, '{ "ladders": {');
    expect(await run(['schedule', 'preview', '--policy', file])).toMatchObject({ code: 2, err: expect.stringContaining('cannot be read as JSON') });
    expect(await run(['schedule', 'preview'])).toMatchObject({ code: 2 });
  });

  it('checks everything and sends a real message', async () => {
    const { checks, statistics } = await ok<{ checks: { check: string; ok: boolean }[]; statistics: Record<string, number> }>('doctor', '--send-to', 'operator@example.org');
    expect(checks.filter((one) => !one.ok)).toEqual([]);
    expect(checks.map((one) => one.check)).toContain('test message');
    expect(statistics['ENVOYEE']).toBeGreaterThan(0);
    const parts = await ok<{ what: string }[]>('status');
    expect(parts.map(({ what }) => what)).toEqual(expect.arrayContaining(['stream LOAN', 'channel EMAIL', 'log', 'dead letters']));
  });

  it('helps, completes, and says plainly when nothing answers', async () => {
    expect(await run(['--help'])).toMatchObject({ code: 0, out: expect.stringContaining('deadletters') });
    expect((await run(['completion', 'bash'])).out).toContain('complete -o default -F _rappel rappel');
    expect(await run(['failed'], { RAPPEL_LOG_URL: 'http://127.0.0.1:1' })).toMatchObject({ code: 4, err: expect.stringContaining('does not answer') });
    expect(await run(['nonsense'])).toMatchObject({ code: 2 });
  });
});
