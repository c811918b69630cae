import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createApiKey, migrateAuth } from '@rappel/auth';
import { headers } from '@nats-io/nats-core';
import { startStack, until, type Stack } from '@rappel/local-stack';
import { connectBus } from '@rappel/messaging';
import { createPool } from '@rappel/postgres';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection, createServer, type AddressInfo } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

const services = ['loan', 'scheduler', 'email', 'whatsapp', 'notification-log'];
let stack: Stack;
let env: Record<string, string>;
const folder = mkdtempSync(join(tmpdir(), 'rappel-tool-'));

beforeAll(async () => {
  stack = await startStack({ env: { LOG_LEVEL: 'warn', RAPPEL_EMAIL_UNKNOWN: 'hold' } });
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
/** Of the real clock, which the services go by. */
const inDays = (days: number): string => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
const DUE = inDays(120);
const loan = (id: string, borrower: object) => ({
  attributionId: id, duration: 'LONG', due: { date: DUE, zone: 'Europe/Paris' }, item: { code: 'PERC-001', name: 'Perceuse' }, borrower: { id: `b-${id}`, firstName: 'Jean', ...borrower },
});
/** As upstream would, by a plain publish. */
async function publish(data: string | Uint8Array, id: string): Promise<void> {
  const bus = await connectBus({ servers: stack.nats!.url, name: 'upstream', inboxPrefix: '_INBOX_upstream', ...stack.natsLogin('upstream') });
  const h = headers();
  for (const [name, value] of Object.entries({ specversion: '1.0', id, source: '/test', type: 'AttributionReturned' })) h.set(`ce-${name}`, value);
  bus.publish('inbound.AttributionReturned', data, { headers: h });
  await bus.close();
}
/** Runs a command on a terminal of its own; `typed` goes to it once it has asked, as `printf` writes it. */
const script = (command: string, typed: string): Promise<{ code: number | null; out: string }> => new Promise((resolve) => {
  const child = spawn('script', ['-qefc', command, '/dev/null'], { env: { PATH: process.env.PATH, HOME: process.env.HOME, TERM: 'xterm', ...env }, stdio: ['pipe', 'pipe', 'inherit'] });
  let out = '';
  child.stdout.on('data', (data: Buffer) => {
    out += data;
    if (out.includes('[y/N] ') && typed) {
      child.stdin.write(execFileSync('printf', [typed]));
      typed = '';
    }
  });
  child.on('close', (code) => { child.stdin.destroy(); resolve({ code, out }); });
});
/** Sends Ctrl-C while the tool waits for the rest of what its event store has begun to say. */
async function interrupted(args: string[]): Promise<{ code: number | null }> {
  const real = new URL(stack.env['DATABASE_URL']!);
  let stalled = false;
  const stalling = createServer((client) => {
    const server = createConnection({ host: real.hostname, port: Number(real.port) });
    for (const socket of [client, server]) socket.on('error', () => socket.destroy());
    client.on('close', () => server.destroy()).pipe(server);
    let bytes = 0;
    server.on('data', (data) => {
      bytes += data.length;
      if (bytes > 20_000) stalled = true;
      else client.write(data);
    });
  });
  await new Promise<void>((resolve) => { stalling.listen(0, '127.0.0.1', resolve); });
  const { port } = stalling.address() as AddressInfo;
  const child = spawn(process.execPath, ['dist/cli.mjs', ...args], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env, EVENT_STORE_URL: stack.env['DATABASE_URL']!.replace(real.host, `127.0.0.1:${port}`) }, stdio: 'ignore',
  });
  const ended = new Promise<number | null>((resolve) => { child.on('close', resolve); });
  await until('it waits', async () => stalled || undefined);
  child.kill('SIGINT');
  const code = await ended;
  stalling.close();
  return { code };
}
interface Failed { notificationId: string; status: string; errorText: string }

describe('rappel, against the running stack', () => {
  it('lends, imports, moves, takes back and cancels; asks before it does', async () => {
    const create = ['loans', 'create', '--id', 'l-1', '--borrower', 'b-1', '--first-name', 'Jean', '--email', 'jean@example.org', '--item', 'PERC-001', '--item-name', 'Perceuse', '--due', `${DUE}T18:00`];
    expect(await run(create)).toMatchObject({ code: 2, err: expect.stringContaining('--yes') });
    await ok(...create);
    await ok('loans', 'reschedule', 'l-1', '--due', inDays(125));
    await ok('loans', 'return', 'l-1');
    const file = join(folder, 'loans.ndjson');
    writeFileSync(file, [loan('l-2', { phone: 'nonsense@phone', preferences: { email: false, whatsapp: true } }), loan('l-3', { email: 'marie@example.org' })].map((one) => JSON.stringify(one)).join('\n'));
    expect(await ok('loans', 'import', file)).toEqual({ imported: 2, failures: [] });
    expect(await ok('loans', 'import', file)).toEqual({ imported: 2, failures: [] });
    await ok('loans', 'cancel', 'l-3');
    const table = join(folder, 'loans.csv');
    writeFileSync(table, '\uFEFFattributionId;duration;due.date;due.time;item.code;item.name;borrower.id;borrower.firstName;borrower.email;borrower.preferences.whatsapp\r\n'
      + `l-4;LONG;${DUE};;PERC-001;"Perceuse; Bosch";b-4;Zoé;zoe@example.org;false\r\nl-5;SHORT;${DUE};;A;B;b-5;Jean;;\r\nl 6;LONG;soon;;A;B;b-6;Jean;;\r\n`);
    const refused = await run(['--json', '--yes', 'loans', 'import', table]);
    expect([refused.code, JSON.parse(refused.out)]).toEqual([3, { imported: 1, failures: [{ line: 3, reason: expect.stringMatching(/^duration: /) }, { line: 4, reason: expect.stringMatching(/^attributionId: .*due\.date: /s) }] }]);
    const lines = join(folder, 'mixed.ndjson');
    writeFileSync(lines, `{"cut\n\n[]\n${JSON.stringify(loan('l-7', {}))}`);
    expect(JSON.parse((await run(['--json', '--yes', 'loans', 'import', lines])).out)).toMatchObject({ imported: 1, failures: [{ line: 1 }, { line: 3 }] });
    expect(await run(['loans', 'import', join(folder, 'nothing.ndjson'), '--yes'])).toMatchObject({ code: 2, err: expect.stringContaining('nothing.ndjson') });
    const changed = join(folder, 'changed.ndjson');
    writeFileSync(changed, [loan('l-7', {}), { ...loan('l-7', {}), duration: 'COURT' }].map((one) => JSON.stringify(one)).join('\n'));
    const last = await run(['--json', '--yes', 'loans', 'import', changed, '--parallel', '1']);
    expect([last.code, JSON.parse(last.out)]).toEqual([3, { imported: 1, failures: [{ line: 2, reason: expect.stringContaining('exists already with other content') }] }]);
    writeFileSync(table, 'attributionId,name\nl-8,x\n');
    expect(await run(['loans', 'import', table, '--yes'])).toMatchObject({ code: 2, err: expect.stringContaining('no such column: name') });
    expect(await run(['loans', 'import', lines, '--yes'], { RAPPEL_LOAN_URL: 'http://127.0.0.1:1' })).toMatchObject({ code: 4, err: expect.stringContaining('0 of 1 loans') });
    expect(await run(['loans', 'reschedule', 'l-1', '--due', '2027-13-45', '--yes'])).toMatchObject({ code: 2, err: expect.stringContaining('due.date') });
    expect(await run(['loans', 'reschedule', 'l-2', '--due', '2027-04-02T18:00Z', '--yes'])).toMatchObject({ code: 2, err: expect.stringContaining('--zone') });
    expect(await run(['loans', 'return', 'nobody', '--yes'])).toMatchObject({ code: 3 });
    expect(await run(['loans', 'create', '--yes', ...create.slice(2), '--duration', 'SHORT'])).toMatchObject({ code: 2 });
  });

  it('shows what failed, counts before it replays, and refuses nonsense', async () => {
    const [failed] = await until('a failed notification', async () => {
      const found = await ok<Failed[]>('failed', '--channel', 'WHATSAPP');
      return found.length > 0 ? found : undefined;
    });
    expect(failed).toMatchObject({ status: 'ECHEC_PERMANENT', errorText: 'Invalid recipient phone number' });
    expect(await ok('show', failed!.notificationId)).toMatchObject({ timeline: expect.arrayContaining([expect.objectContaining({ type: 'NotificationGivenUp' })]) });
    const counted = await ok<{ service: string; matching: number; replayed: string[] }[]>('replay', '--class', 'RECIPIENT', '--dry-run');
    expect(counted.find(({ service }) => service === 'whatsapp')).toMatchObject({ matching: 1, replayed: [] });
    const replayed = await ok<{ service: string; replayed: string[] }[]>('replay', failed!.notificationId);
    expect(replayed.flatMap((one) => one.replayed)).toEqual([failed!.notificationId]);
    expect(await run(['replay', '00000000-0000-4000-8000-000000000000', '--dry-run'])).toMatchObject({ code: 3, err: expect.stringContaining('no such notification') });
    expect(await run(['replay'])).toMatchObject({ code: 2 });
    expect(await run(['replay', '--class', 'NOPE', '--dry-run'])).toMatchObject({ code: 2, err: expect.stringContaining('RECIPIENT') });
    expect(await run(['failed', '--from', 'yesterday'])).toMatchObject({ code: 2, err: expect.stringContaining('a moment with its zone') });
    expect(await run(['failed', '--limit', '100000000'])).toMatchObject({ code: 2, err: expect.stringContaining('whole number') });
    expect(await ok('failed', '--limit', '2000', '--type', 'RAPPEL_2H')).toEqual([]);
    expect(await run(['show', '00000000-0000-4000-8000-000000000000'])).toMatchObject({ code: 3 });
  });

  it('pauses and resumes a channel, and lists what is unknown', async () => {
    expect(await ok('channel', 'pause', 'whatsapp')).toMatchObject({ state: { kind: 'paused' } });
    expect(await run(['status'])).toMatchObject({ code: 1, out: expect.stringContaining('channel-whatsapp down') });
    expect(await ok('channel', 'resume', 'WHATSAPP')).toMatchObject({ state: { kind: 'open' } });
    expect(await ok('unknown', 'list')).toEqual([]);
    writeFileSync(join(folder, 'cut.ndjson'), ['cut-1', 'cut-2'].map((id) => JSON.stringify(loan(id, { email: `drop-after-data+${id}@example.org` }))).join('\n'));
    await ok('loans', 'import', join(folder, 'cut.ndjson'));
    const held = await until('two held ones', async () => {
      const found = await ok<{ notificationId: string; phase: string }[]>('unknown', 'list');
      return found.filter(({ phase }) => phase === 'held').length === 2 ? found : undefined;
    });
    expect(await run(['unknown', 'resolve', held[0]!.notificationId, '--sent'])).toMatchObject({ code: 2, err: expect.stringContaining('--yes') });
    expect(await run(['unknown', 'resolve', held[0]!.notificationId, '--yes'])).toMatchObject({ code: 2, err: expect.stringContaining('--not-sent') });
    expect(await ok('unknown', 'resolve', held[0]!.notificationId, '--sent')).toMatchObject({ verdict: 'sent' });
    expect(await ok('unknown', 'resolve', held[1]!.notificationId, '--not-sent')).toMatchObject({ verdict: 'not-sent' });
    const settled = (id: string) => until('it is settled', async () => {
      const { status, timeline } = await ok<{ status: string; timeline: { data: { verdict?: string; why?: string } }[] }>('show', id);
      return status === 'ENVOYEE' ? timeline : undefined;
    });
    expect((await settled(held[0]!.notificationId)).at(-1)!.data).toMatchObject({ verdict: 'sent', why: 'end-to-end test (operator:tester)' });
    await settled(held[1]!.notificationId);
    expect(await run(['unknown', 'resolve', held[0]!.notificationId, '--sent', '--yes'])).toMatchObject({ code: 3 });
    expect(await run(['unknown', 'resolve', '00000000-0000-4000-8000-000000000000', '--sent', '--yes'])).toMatchObject({ code: 3 });
    expect(await run(['channel', 'pause', 'pigeon', '--yes'])).toMatchObject({ code: 2 });
  });

  it('rebuilds and verifies the log, and shows it as it was', async () => {
    expect(await ok('projection', 'status')).toMatchObject({ setAside: [] });
    expect(await ok('projection', 'rebuild')).toMatchObject({ equal: true });
    expect(await ok('projection', 'verify')).toMatchObject({ equal: true });
    expect(await ok('projection', 'verify', '--sample', '10')).toMatchObject({ equal: true });
    expect(await ok('projection', 'as-of', new Date().toISOString())).toMatchObject({ schema: 'log_as_of', poison: 0 });
    for (const moment of ['yesterday', '2026-13-01', '42', '2026-11-25T10:00']) expect([moment, await run(['projection', 'as-of', moment, '--yes'])]).toMatchObject([moment, { code: 2 }]);
    expect(await run(['projection', 'as-of', '2026-11-25', '--schema', 'public', '--yes'])).toMatchObject({ code: 2, err: expect.stringContaining('log_') });
    expect(await run(['projection', 'as-of', '2026-11-25'])).toMatchObject({ code: 2, err: expect.stringContaining('--yes') });
  });

  it('exports, imports again and republishes events', async () => {
    const file = join(folder, 'events.ndjson');
    const { events } = await ok<{ events: number }>('events', 'export', file);
    expect(events).toBeGreaterThan(10);
    expect(existsSync(`${file}.part`)).toBe(false);
    expect(await ok('events', 'import', file)).toMatchObject({ events, written: 0 });
    writeFileSync(`${file}.cut`, readFileSync(file, 'utf8').split('\n').slice(0, 5).join('\n'));
    expect(await run(['events', 'import', `${file}.cut`, '--yes'])).toMatchObject({ code: 1 });
    expect(await run(['events', 'import', join(folder, 'none'), '--yes'])).toMatchObject({ code: 2 });
    const { events: count } = await ok<{ events: number }>('republish', '--dry-run');
    expect(await ok('republish')).toEqual({ events: count });
    const other = stack.env['DATABASE_URL']!.replace(/\/[^/]*$/, '/postgres');
    expect(await ok('events', 'copy', '--to', other)).toMatchObject({ events: expect.any(Number) });
    expect(await run(['events', 'copy', '--to', 'postgres://127.0.0.1:1/x', '--yes'])).toMatchObject({ code: 4, err: expect.stringContaining('ECONNREFUSED') });
    expect(await run(['events', 'copy', '--to', 'mysql://x', '--yes'])).toMatchObject({ code: 2 });
  });

  it('lists, shows, mends and drops dead letters', async () => {
    await Promise.all([publish('{"attributionId":"l-9","returnedAt":"never"}', 'bad-1'), publish(Buffer.from('{"firstName":"Léa"}', 'latin1'), 'bad-2')]);
    const letters = await until('two dead letters', async () => {
      const found = await ok<{ id: string; reason: string }[]>('deadletters', 'list');
      return found.length === 2 ? found : undefined;
    });
    const wrong = letters.find(({ reason }) => reason.includes('invalid AttributionReturned'))!;
    const garbage = letters.find(({ id }) => id !== wrong.id)!;
    expect(await ok('deadletters', 'show', wrong.id)).toMatchObject({ payload: expect.stringContaining('never'), status: 'open' });
    expect(await ok('deadletters', 'show', garbage.id)).toMatchObject({ reason: 'payload is not UTF-8', payloadBase64: Buffer.from('{"firstName":"Léa"}', 'latin1').toString('base64') });
    const mended = join(folder, 'mended.json');
    writeFileSync(mended, JSON.stringify({ attributionId: 'l-2' }));
    expect(await run(['deadletters', 'retry', wrong.id, '--payload', join(folder, 'none'), '--yes'])).toMatchObject({ code: 2 });
    expect(await ok('deadletters', 'retry', wrong.id, '--payload', mended)).toEqual({ id: wrong.id, retried: true });
    expect(await run(['deadletters', 'retry', wrong.id, '--yes'])).toMatchObject({ code: 3 });
    expect(await run(['status'])).toMatchObject({ code: 1, out: expect.stringContaining('1 open'), err: expect.stringMatching(/attention: .*dead letters/) });
    expect(await ok('deadletters', 'drop', garbage.id)).toEqual({ id: garbage.id, dropped: true });
    expect(await ok('deadletters', 'show', garbage.id)).toMatchObject({ status: 'dropped', audit: [{ action: 'dropped', actor: 'operator:tester', why: 'end-to-end test (operator:tester)' }] });
    expect(await ok('deadletters', 'list')).toEqual([]);
    expect(await run(['deadletters', 'list', '--status', 'nope'])).toMatchObject({ code: 2 });
    expect(await run(['deadletters', 'list', '--limit', '0'])).toMatchObject({ code: 2 });
  });

  it('keeps keys and the privacy of borrowers', async () => {
    const { id, token } = await ok<{ id: string; token: string }>('key', 'create', 'reader', '--scopes', 'log:read');
    expect(await run(['failed', '--json'], { RAPPEL_API_KEY: token })).toMatchObject({ code: 0 });
    expect(await run(['channel', 'pause', 'EMAIL', '--yes'], { RAPPEL_API_KEY: token })).toMatchObject({ code: 3 });
    await ok('key', 'revoke', id);
    expect(await ok('key', 'list')).toContainEqual(expect.objectContaining({ id, name: 'reader', revokedAt: expect.any(String) }));
    expect(await run(['deadletters', 'drop', '00000000-0000-4000-8000-000000000000', '--yes'])).toMatchObject({ code: 3 });
    expect(await ok('retention', 'run', '--dry-run')).toMatchObject({ borrowers: expect.any(Number), recipients: expect.any(Number), dryRun: true });
    await ok('borrower', 'forget', 'b-1');
    expect(await run(['borrower', 'forget', 'nobody', '--yes'])).toMatchObject({ code: 3 });
    expect(await run(['key', 'create', 'x', '--scopes', 'nope', '--yes'])).toMatchObject({ code: 2 });
    expect(await run(['key', 'create', 'x', '--scopes', 'log:read', '--expires', 'never', '--yes'])).toMatchObject({ code: 2 });
    expect(await ok('key', 'rewrap')).toMatchObject({ rewrapped: 0 });
    expect(await ok('retention', 'run')).toMatchObject({ borrowers: 0, recipients: 0 });
    expect(await ok('retention', 'list')).toEqual([]);
  });

  it('previews a schedule', async () => {
    expect(await ok('schedule', 'preview', '--due', DUE)).toMatchObject({ loan: { rungs: expect.arrayContaining([expect.objectContaining({ type: 'RAPPEL_J2' })]) } });
    await ok('schedule', 'show', 'l-2');
    expect(await run(['schedule', 'preview', '--due', 'tomorrow'])).toMatchObject({ code: 2 });
    expect(await run(['schedule', 'show', 'nobody'])).toMatchObject({ code: 3 });
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

  it('checks everything and sends a real message, and says what is wrong', async () => {
    const { checks, statistics } = await ok<{ checks: { check: string; ok: boolean }[]; statistics: Record<string, number> }>('doctor', '--send-to', 'operator@example.org');
    expect(checks.filter((one) => !one.ok)).toEqual([]);
    expect(checks.map((one) => one.check)).toContain('test message');
    expect(statistics['ENVOYEE']).toBeGreaterThan(0);
    expect(await run(['doctor', '--send-to', 'operator@example.org'])).toMatchObject({ code: 2, err: expect.stringContaining('--yes') });
    const sid = (digit: string) => `HX${digit.repeat(32)}`;
    const ill = await run(['doctor', '--json'], {
      TWILIO_AUTH_TOKEN: 'wrong', TWILIO_WHATSAPP_FROM: '+33600000000', RAPPEL_API_KEY: 'wrong', SMTP_PORT: '1', NATS_PASSWORD: 'wrong', RAPPEL_EMAIL_URL: 'http://127.0.0.1:1', TWILIO_CONTENT_SIDS: `{"RETARD":{"fr":"${sid('a')}"}}`,
    });
    expect(ill).toMatchObject({ code: 1, out: expect.stringContaining('checks') });
    const { checks: found } = JSON.parse(ill.out) as { checks: { check: string; ok: boolean; details: string }[] };
    expect(found.filter((one) => !one.ok).map(({ check }) => check)).toEqual(['channel settings', 'NATS', 'service email', 'API key', 'Twilio credentials', 'content templates', 'mail server']);
    expect(ill.out).not.toContain(stack.env['TWILIO_AUTH_TOKEN']);
    const broken = JSON.parse((await run(['doctor', '--json'], { TWILIO_CONTENT_SIDS: '{RETARD', TWILIO_BASE_URL: 'http://127.0.0.1:9' })).out) as { checks: { check: string; details: string }[] };
    expect(Object.fromEntries(broken.checks.map(({ check, details }) => [check, details]))).toMatchObject({
      'content templates': expect.stringContaining('TWILIO_CONTENT_SIDS'), 'Twilio credentials': expect.stringContaining('127.0.0.1:9 does not answer'),
    });
    const templates = JSON.parse((await run(['doctor', '--json'], { TWILIO_CONTENT_SIDS: `{"RETARD":{"fr":"${sid('a')}","en":"${sid('b')}"}}` })).out) as { checks: { check: string; details: string }[] };
    expect(templates.checks.find(({ check }) => check === 'content templates')!.details).toMatch(/^2 approved; as free text: CREATION fr, /);
    expect(await run(['projection', 'status'], { DATABASE_URL: 'postgres://nobody:wrong@127.0.0.1:1/x', EVENT_STORE_URL: '' })).toMatchObject({ code: 4, err: expect.not.stringContaining('wrong') });
    expect(await run(['projection', 'status'], { DATABASE_URL: stack.env['DATABASE_URL']!.replace(/:[^:@/]+@/, ':wrong@'), EVENT_STORE_URL: '' })).toMatchObject({ code: 2, err: expect.stringContaining('DATABASE_URL') });
    const parts = await ok<{ what: string }[]>('status');
    expect(parts.map(({ what }) => what)).toEqual(expect.arrayContaining(['stream LOAN', '  consumer scheduler', 'channel EMAIL', 'log', 'dead letters']));
  });

  it('has recorded every change with who and why, and no name or address', async () => {
    const { out } = await run(['events', 'export']);
    const operations = out.split('\n').filter((line) => line.includes('"OperatorActed"')).map((line) => JSON.parse(line) as { data: { command: string; why: string }; metadata: { actor: string }; stream: string });
    const mine = operations.filter(({ metadata, data }) => metadata.actor === 'operator:tester' && data.why === 'end-to-end test');
    expect([...new Set(mine.map(({ data }) => data.command))].sort()).toEqual([
      'borrower forget', 'channel pause', 'channel resume', 'deadletters drop', 'deadletters retry', 'doctor --send-to', 'events copy', 'events import', 'key create', 'key revoke', 'key rewrap',
      'loans cancel', 'loans create', 'loans import', 'loans reschedule', 'loans return', 'policy activate', 'projection as-of', 'projection rebuild', 'replay', 'republish', 'unknown resolve',
    ]);
    expect(operations.filter(({ data }) => data.why === 'no reason given').map(({ metadata }) => metadata.actor)).toContain(`operator:${userInfo().username}`);
    expect(JSON.stringify(operations)).not.toMatch(/example\.org|Jean|Zoé/);
  });

  it('asks on a terminal, stops on Ctrl-C and leaves the terminal and no half file behind', async () => {
    const terminal = (args: string, typed: string) => script(`${process.execPath} dist/cli.mjs ${args}`, typed);
    expect(await terminal('channel pause EMAIL', 'n\\n')).toMatchObject({ code: 3, out: expect.stringContaining('left as it was') });
    expect(await terminal('channel pause EMAIL', '\\003')).toMatchObject({ code: 130, out: expect.stringContaining('interrupted') });
    expect(await terminal('channel pause EMAIL', '\\004')).toMatchObject({ code: 3 });
    expect(await terminal('channel pause EMAIL', 'y\\n')).toMatchObject({ code: 0, out: expect.stringContaining('EMAIL is paused') });
    expect(await terminal('channel resume EMAIL', 'yes\\n')).toMatchObject({ code: 0, out: expect.stringContaining('EMAIL is open') });
    const coloured = await terminal('projection verify', '');
    expect(coloured.out).toMatch(/\u001b\[32m/);
    expect(coloured.out.lastIndexOf('\u001b[?25h')).toBeGreaterThan(coloured.out.lastIndexOf('\u001b[?25l'));
    expect((await script(`NO_COLOR=1 ${process.execPath} dist/cli.mjs status`, '')).out).not.toMatch(/\u001b\[3\dm/);
    expect((await run(['status'])).out).not.toContain('\u001b');
    expect(await interrupted(['events', 'export', join(folder, 'stopped.ndjson')])).toMatchObject({ code: 130 });
    expect([existsSync(join(folder, 'stopped.ndjson')), existsSync(join(folder, 'stopped.ndjson.part'))]).toEqual([false, false]);
  });

  it('helps, completes, and says plainly when nothing answers', async () => {
    expect(await run(['--help'])).toMatchObject({ code: 0, out: expect.stringContaining('deadletters') });
    const completed = (...words: string[]) => execFileSync('bash', ['-c', `eval "$(cat)"; COMP_WORDS=(rappel ${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length}; _rappel; echo "\${COMPREPLY[@]}"`], { input: script, encoding: 'utf8', timeout: 10_000 }).trim().split(' ');
    const { out: script } = await run(['completion', 'bash']);
    expect(completed('dea')).toEqual(['deadletters']);
    expect(completed('loans', '')).toEqual(expect.arrayContaining(['create', 'import', '--yes']));
    expect(completed('failed', '--cl')).toEqual(['--class']);
    expect(completed('nonsense', 'sta')).toEqual(['status']);
    expect((await run(['completion', 'fish'])).out).toContain("complete -c rappel -f -n '__fish_seen_subcommand_from unknown' -a resolve");
    expect(await run(['failed'], { RAPPEL_LOG_URL: 'http://127.0.0.1:1' })).toMatchObject({ code: 4, err: expect.stringContaining('does not answer') });
    expect(await run(['failed'], { RAPPEL_API_KEY: 'wrong' })).toMatchObject({ code: 3, err: expect.stringContaining('RAPPEL_API_KEY') });
    expect(await run(['republish', '--yes'], { NATS_PASSWORD: 'wrong' })).toMatchObject({ code: 4, err: expect.stringContaining('refuses the login') });
    expect(await run(['nonsense'])).toMatchObject({ code: 2 });
    expect(await run(['projection', 'status'], { DATABASE_URL: '', EVENT_STORE_URL: '' })).toMatchObject({ code: 2, err: expect.stringContaining('npm start') });
  });
});
