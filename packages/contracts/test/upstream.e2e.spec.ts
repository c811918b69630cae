import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startStack, until, type Stack } from '@rappel/local-stack';

// A lending system as its author would write it: the README's own snippets, run as they stand.
const section = readFileSync('README.md', 'utf8').split('## Publish a loan')[1]!.split('\n## ')[0]!;
const snippets = (language: string) => [...section.matchAll(new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``, 'g'))].map(([, code]) => code!);
const [publish, follow] = snippets('js');
const [giveBack] = snippets('sh');

const folder = mkdtempSync(join(tmpdir(), 'rappel-upstream-'));
let stack: Stack;
const running: ChildProcess[] = [];

/** The clock that the services share stands still where it is set. */
function setClock(origin: string): void {
  writeFileSync(`${folder}/clock.new`, JSON.stringify({ origin, anchor: new Date().toISOString(), factor: 0 }));
  renameSync(`${folder}/clock.new`, `${folder}/clock`);
}

beforeAll(async () => {
  setClock('2027-01-02T10:00:00.000Z');
  symlinkSync(resolve('packages/contracts/node_modules'), join(folder, 'node_modules'));
  writeFileSync(join(folder, 'nats'), `#!${process.execPath}\n${commandLine}`);
  chmodSync(join(folder, 'nats'), 0o755);
  stack = await startStack({ env: { RAPPEL_AUTH: 'off', RAPPEL_CLOCK: `file:${folder}/clock`, RAPPEL_PREFERRED_CHANNEL: 'WHATSAPP' } });
  await Promise.all(['loan', 'scheduler', 'email', 'whatsapp'].map((name) => stack.startService(name)));
}, 120_000);
afterAll(async () => {
  for (const child of running) child.kill('SIGKILL');
  await stack?.stop();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

/** Stands in for the `nats` tool, which Debian does not have: the flags that the snippet uses, read as natscli reads them. */
const commandLine = `
import { parseArgs } from 'node:util';
import { connect, headers } from '@nats-io/transport-node';
const { values, positionals: [verb, subject, body] } = parseArgs({ allowPositionals: true, options: { user: { type: 'string' }, password: { type: 'string' }, header: { type: 'string', multiple: true } } });
if (verb !== 'request') throw new Error('only request is stood in for');
const nats = await connect({ servers: process.env.NATS_URL, user: values.user, pass: values.password });
const h = headers();
for (const one of values.header ?? []) h.append(one.slice(0, one.indexOf(':')).trim(), one.slice(one.indexOf(':') + 1).trim());
console.log((await nats.request(subject, body, { headers: h, timeout: 10000 })).string());
await nats.drain();
`;

/** Runs until it ends, or for as long as the stack is there; resolves with what it said so far through `said`. */
function run(command: string, args: string[]): { said: () => string; ended: Promise<number | null> } {
  const { user: _, pass } = stack.natsLogin('upstream');
  const child = spawn(command, args, { cwd: folder, env: { PATH: `${folder}:${process.env.PATH}`, NATS_URL: stack.nats!.url, NATS_UPSTREAM_PASSWORD: pass } });
  running.push(child);
  let said = '';
  child.stdout.on('data', (data: Buffer) => { said += data; });
  child.stderr.on('data', (data: Buffer) => { said += data; });
  return { said: () => said, ended: new Promise((done) => { child.on('close', done); }) };
}
const script = (name: string, code: string) => {
  writeFileSync(join(folder, name), code.replace('nats://127.0.0.1:4222', stack.nats!.url));
  return run(process.execPath, [name]);
};

interface Outcome { type: string; correlation: string; data: { notification: { type: string; channel: string }; delivery?: string } }
const outcomes = (said: string): Outcome[] => [...said.matchAll(/^(Notification\w+) (\S+) (\{.*\})$/gm)].map(([, type, correlation, json]) => ({ type: type!, correlation: correlation!, data: JSON.parse(json!) as Outcome['data'] }));

test('a loan published, reminded of, extended and returned comes back to upstream under the ids of its own events', async () => {
  const published = script('publish.mjs', publish!);
  expect([await published.ended, published.said()]).toEqual([0, expect.stringMatching(/id: 'loan-42'.*duplicate: false/s)]);
  const following = script('follow.mjs', follow!);
  const heard = (type: string, delivery?: string) => until(`${type} ${delivery ?? 'sent'}`, async () =>
    outcomes(following.said()).find(({ data }) => data.notification.type === type && data.delivery === delivery), { tooLate: following.said });

  expect(await heard('CREATION')).toMatchObject({ type: 'NotificationSent', correlation: 'loan-42-created' });
  expect(await heard('CREATION', 'delivered')).toMatchObject({ type: 'NotificationDelivery', correlation: 'loan-42-created', data: { notification: { channel: 'WHATSAPP' } } });

  setClock('2027-01-08T08:00:00.000Z');
  expect(await heard('RAPPEL_J2')).toMatchObject({ type: 'NotificationSent', correlation: 'loan-42-created' });
  expect(await heard('RAPPEL_J2', 'delivered')).toMatchObject({ correlation: 'loan-42-created' });

  const extend = publish!.replaceAll('AttributionCreated', 'AttributionRescheduled').replace('loan-42-created', 'loan-42-extended').replace('2027-01-10', '2027-01-20')
    .replace("h.set('ce-subject'", "h.set('ce-correlationid', 'ticket-7');\nh.set('ce-subject'");
  const extended = script('extend.mjs', extend);
  expect([await extended.ended, extended.said()]).toEqual([0, expect.stringContaining('version: 2')]);
  setClock('2027-01-20T17:20:00.000Z');
  expect(await heard('RETARD')).toMatchObject({ type: 'NotificationSent', correlation: 'ticket-7' });

  const returned = run('sh', ['-c', giveBack!]);
  expect([await returned.ended, returned.said()]).toEqual([0, expect.stringContaining('"id":"loan-42"')]);
  expect(await heard('RESTITUTION')).toMatchObject({ correlation: 'loan-42-returned' });
}, 120_000);
