import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from '@jest/globals';
import { until } from './port.ts';
import { startStack } from './stack.ts';
import { createSupervisor } from './supervisor.ts';
import { makeTempDir, workspaceRoot } from './workspace.ts';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

function tempDir(): string {
  const folder = makeTempDir('spec');
  cleanUps.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const serving = `
import { createServer } from 'node:http';
console.log('started with', process.env.DATABASE_URL && 'a database');
createServer((request, response) => response.end(JSON.stringify({ pid: process.pid, extra: process.env.EXTRA, publicUrl: process.env.PUBLIC_URL }))).listen(process.env.PORT, '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));`;

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

it('starts the servers, tells services where they are, and strikes services', async () => {
  const folder = tempDir();
  const bundle = join(folder, 'fake.mjs');
  writeFileSync(bundle, serving);
  const stack = await startStack({ dataDir: join(folder, 'data'), postgres: { durable: false }, env: { EXTRA: 'all' } });
  cleanUps.push(stack.stop);
  expect(stack.env).toMatchObject({ DATABASE_URL: expect.stringMatching(/\/rappel$/), NATS_URL: stack.nats?.url, SMTP_PORT: String(stack.inbox?.smtpPort), TWILIO_BASE_URL: stack.twilio?.url });
  expect(Buffer.from(stack.env.RAPPEL_MASTER_KEY ?? '', 'base64')).toHaveLength(32);

  const service = await stack.startService('fake', { bundle, env: { EXTRA: 'mine' } });
  const ask = async () => (await fetch(service.url, { signal: AbortSignal.timeout(500) })).json();
  expect(await ask()).toEqual({ pid: service.pid, extra: 'mine', publicUrl: service.url });
  expect(readFileSync(service.logFile, 'utf8')).toContain('started with a database');
  const firstPid = service.pid;
  await service.kill('SIGKILL');
  expect(service.running()).toBe(false);
  await service.restart({ EXTRA: 'again' });
  expect(service.pid).not.toBe(firstPid);
  expect(await ask()).toMatchObject({ extra: 'again' });
  await service.kill('SIGSTOP');
  await expect(ask()).rejects.toThrow();
  await service.kill('SIGCONT');
  expect(await ask()).toMatchObject({ extra: 'again' });

  await stack.stop();
  expect(service.running()).toBe(false);
  const again = await startStack({ dataDir: join(folder, 'data'), postgres: { durable: false }, nats: false, inbox: false, twilio: false });
  cleanUps.push(again.stop);
  expect(again.env.RAPPEL_MASTER_KEY).toBe(stack.env.RAPPEL_MASTER_KEY);
  expect(again.nats).toBeNull();
});

it('says why a service did not start', async () => {
  const folder = tempDir();
  const bundle = join(folder, 'broken.mjs');
  writeFileSync(bundle, 'console.error("DATABASE_URL: expected postgres://"); process.exit(1);');
  const stack = await startStack({ postgres: false, nats: false, inbox: false, twilio: false });
  cleanUps.push(stack.stop);
  await expect(stack.startService('broken', { bundle })).rejects.toThrow('DATABASE_URL: expected postgres://');
  await expect(stack.startService('no-such-service')).rejects.toThrow('scripts/build.mjs');
});

it('stops a service that has not become ready yet', async () => {
  const folder = tempDir();
  const bundle = join(folder, 'deaf.mjs');
  const pidFile = join(folder, 'pid');
  writeFileSync(bundle, `import { writeFileSync } from 'node:fs'; writeFileSync(${JSON.stringify(pidFile)}, String(process.pid)); setInterval(() => {}, 1000);`);
  const stack = await startStack({ postgres: false, nats: false, inbox: false, twilio: false });
  const refused = expect(stack.startService('deaf', { bundle })).rejects.toThrow('the stack is stopping');
  const pid = await until('the service', async () => (existsSync(pidFile) && Number(readFileSync(pidFile, 'utf8'))) || undefined);
  await stack.stop();
  await refused;
  expect(isAlive(pid)).toBe(false);
});

it('takes everything along when its process is killed', async () => {
  const folder = tempDir();
  const source = join(workspaceRoot, 'packages/local-stack/src/index.ts');
  const script = join(folder, 'parent.mjs');
  const bundle = join(folder, 'fake.mjs');
  writeFileSync(bundle, serving);
  writeFileSync(join(folder, 'parent.ts'), `import { startStack } from ${JSON.stringify(source)};
    const stack = await startStack({ postgres: { durable: false }, dataDir: ${JSON.stringify(join(folder, 'data'))} });
    const service = await stack.startService('fake', { bundle: ${JSON.stringify(bundle)} });
    console.log(JSON.stringify([stack.postgres?.pid, stack.nats?.pid, service.pid]));`);
  execFileSync(process.execPath, [join(workspaceRoot, 'node_modules/esbuild/bin/esbuild'), join(folder, 'parent.ts'), '--bundle', '--platform=node', '--format=esm', '--log-level=error', `--outfile=${script}`,
    "--banner:js=import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);"]);
  const parent = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  parent.stdout.on('data', (chunk) => { output += chunk; });
  const pids = await until('the parent', async () => (output.includes('\n') ? JSON.parse(output) as number[] : undefined), { patienceMs: 50_000 });
  expect(pids.map(isAlive)).toEqual([true, true, true]);
  parent.kill('SIGKILL');
  await until('the children to end', async () => !pids.some(isAlive) || undefined);
  expect(existsSync(join(folder, 'data'))).toBe(true);
});

it('starts again what dies, servers as well as services, and says so', async () => {
  const folder = tempDir();
  const bundle = join(folder, 'fake.mjs');
  writeFileSync(bundle, serving);
  const stack = await startStack({ postgres: { durable: false }, inbox: false, twilio: false });
  cleanUps.push(stack.stop);
  const service = await stack.startService('fake', { bundle });
  const said: string[] = [];
  const parts = [{ name: 'PostgreSQL', ...stack.postgres! }, { name: 'NATS', ...stack.nats! }, service];
  const supervisor = createSupervisor(() => parts, (line) => said.push(line));
  await supervisor.revive();
  expect(said).toEqual([]);
  await Promise.all([stack.postgres!.kill(), stack.nats!.kill(), service.kill()]);
  expect(parts.map((part) => part.running())).toEqual([false, false, false]);
  await supervisor.revive();
  expect(parts.map((part) => part.running())).toEqual([true, true, true]);
  expect(supervisor.revived).toEqual(['PostgreSQL', 'NATS', 'fake']);
  expect(said).toEqual(expect.arrayContaining(['fake is gone: starting it again', 'fake is back', 'PostgreSQL is back', 'NATS is back']));
});
