import { ensureLocalKey } from '@rappel/auth';
import { createPool } from '@rappel/postgres';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startInbox } from './inbox/inbox.ts';
import { findNatsServer } from './nats-binary.ts';
import { freePort } from './port.ts';
import { isBuilt } from './service.ts';
import { startStack, type Stack, type StackOptions } from './stack.ts';
import { startTwilioSimulator } from './twilio/simulator.ts';
import { inRappelDir, workspaceRoot } from './workspace.ts';

// Where each listens if nobody else does.
const services = { loan: 4001, scheduler: 4002, email: 4003, whatsapp: 4004, 'notification-log': 4005 };
const [command = 'start'] = process.argv.slice(2);

const commands: Record<string, () => Promise<unknown>> = { start, simulators, fetch: findNatsServer };
const run = commands[command];
if (!run) throw new Error(`unknown command ${command}: ${Object.keys(commands).join(', ')}`);
await run();

/** The inbox and the Twilio simulator alone, for testers in other processes; the first line of output says where they are. */
async function simulators(): Promise<void> {
  const { values } = parseArgs({ args: process.argv.slice(3), options: { 'smtp-port': { type: 'string' }, 'web-port': { type: 'string' }, 'twilio-port': { type: 'string' }, seed: { type: 'string', default: '1' } } });
  const port = (text: string | undefined) => (text ? Number(text) : undefined);
  const seed = Number(values.seed);
  const inbox = await startInbox({ smtpPort: port(values['smtp-port']), webPort: port(values['web-port']), seed });
  const { TWILIO_ACCOUNT_SID: accountSid, TWILIO_AUTH_TOKEN: authToken } = process.env;
  const twilio = await startTwilioSimulator({ port: port(values['twilio-port']), accountSid, authToken, seed });
  console.log(JSON.stringify({ smtpUrl: inbox.smtpUrl, inboxUrl: inbox.url, twilioUrl: twilio.url, accountSid: twilio.accountSid, authToken: twilio.authToken }));
}

/** Everything on this machine; data stays in `.rappel/data/start`. Ctrl-C ends it all. */
async function start(): Promise<void> {
  const starting = startStack(await stackOptions());
  let ending = false;
  const end = async (code: number) => {
    if (ending) return;
    ending = true;
    rmSync(inRappelDir('data', 'start', 'running.json'), { force: true });
    await starting.then(({ stop }) => stop(), () => undefined);
    process.exit(code);
  };
  process.on('SIGINT', () => void end(0));
  process.on('SIGTERM', () => void end(0));

  const stack = await starting;
  const built = Object.entries(services).filter(([name]) => isBuilt(name));
  const results = await Promise.allSettled(built.map(async ([name, preferred]) => stack.startService(name, { port: await freePort(preferred) })));
  if (ending) return;
  const failures = results.flatMap((result) => (result.status === 'rejected' ? [String(result.reason)] : []));
  for (const failure of failures) console.error(failure);
  if (failures.length > 0) await end(1);
  else {
    const key = await apiKey(stack);
    writeRunning(stack, key);
    report(stack, key);
  }
}

/** For the tool `rappel` in the same checkout: how everything that runs here is reached. For the owner's eyes only. */
function writeRunning({ env, services: running, natsLogin }: Stack, key: string | undefined): void {
  const { user, pass } = natsLogin('operator');
  const urls = Object.fromEntries(running.map(({ name, url }) => [`RAPPEL_${name === 'notification-log' ? 'LOG' : name.toUpperCase()}_URL`, url]));
  const settings = { ...env, ...urls, ...(key && { RAPPEL_API_KEY: key }), ...(user && { NATS_USER: user, NATS_PASSWORD: pass }) };
  writeFileSync(inRappelDir('data', 'start', 'running.json'), `${JSON.stringify(settings, null, 2)}\n`, { mode: 0o600 });
}

/** A provider or server that `.env` or the environment names is used instead of its local stand-in. */
async function stackOptions(): Promise<StackOptions> {
  const envFile = join(workspaceRoot, '.env');
  if (existsSync(envFile)) process.loadEnvFile(envFile);
  const { DATABASE_URL, EVENT_STORE_URL, NATS_URL, SMTP_HOST, TWILIO_ACCOUNT_SID, RAPPEL_MASTER_KEY } = process.env;
  return {
    dataDir: inRappelDir('data', 'start'),
    logDir: inRappelDir('logs'),
    postgres: DATABASE_URL ? false : {},
    nats: NATS_URL ? false : { port: await freePort(4222) },
    inbox: !SMTP_HOST && { webPort: await freePort(8025), smtpPort: await freePort(1025) },
    twilio: !TWILIO_ACCOUNT_SID && { port: await freePort(8026) },
    env: { ...(RAPPEL_MASTER_KEY && { RAPPEL_MASTER_KEY }), ...(EVENT_STORE_URL && { EVENT_STORE_URL }) },
  };
}

/** Made at the first start; a database that is somebody else's gets one only from the tool. */
async function apiKey({ postgres, env }: Stack): Promise<string | undefined> {
  if (!postgres) return undefined;
  const pool = createPool(env['DATABASE_URL']!, { max: 1 });
  try {
    return await ensureLocalKey(pool, inRappelDir('data', 'start', 'api-key'));
  } finally {
    await pool.end();
  }
}

function report({ services: running, inbox, twilio, postgres, nats, natsLogin, logDir }: Stack, key: string | undefined): void {
  const { user, pass } = natsLogin('upstream');
  const lines: [string, string | undefined][] = [
    ...running.map(({ name, url }): [string, string] => [name, `${url}/docs${key ? `#token=${key}` : ''}`]),
    ['mails', inbox?.url], ['WhatsApp messages', twilio?.url],
    ['PostgreSQL', postgres?.url], ['NATS', nats?.url], ["upstream's login", nats && user ? `${user} ${pass ?? ''}` : undefined], ['logs', logDir], ['API key', key],
  ];
  console.log(`\nRappel is ready after ${(performance.now() / 1000).toFixed(1)} s\n`);
  for (const [name, link] of lines) if (link) console.log(`  ${name.padEnd(18)} ${link}`);
  console.log('\nCtrl-C stops everything.');
}
