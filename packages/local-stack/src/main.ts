import { ensureLocalKey } from '@rappel/auth';
import { createPool } from '@rappel/postgres';
import { Command } from 'commander';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startInbox } from './inbox/inbox.ts';
import { findNatsServer } from './nats-binary.ts';
import { freePort } from './port.ts';
import { isBuilt } from './service.ts';
import { startStack, type Stack, type StackOptions } from './stack.ts';
import { createSupervisor } from './supervisor.ts';
import { startTwilioSimulator } from './twilio/simulator.ts';
import { claimFolder, inRappelDir, workspaceRoot } from './workspace.ts';

// Where each listens if nobody else does.
const services = { loan: 4001, scheduler: 4002, email: 4003, whatsapp: 4004, 'notification-log': 4005 };
const LOOK_AGAIN_MS = 1000;

const program = new Command('npm start --').description('The whole system on this machine, until Ctrl-C; data stays in .rappel/data/start.').helpCommand(false);
program.command('start', { isDefault: true }).description('run PostgreSQL, NATS, the simulators and the five services').action(start);
program.command('fetch').description('fetch the servers that are missing').action(async () => { await findNatsServer(); });
program.command('simulators').description("the inbox and the Twilio simulator alone, for testers in other processes; the first line of output says where they are")
  .option('--smtp-port <port>').option('--web-port <port>').option('--twilio-port <port>').option('--seed <n>', 'of what misbehaves at random', '1').action(simulators);
await program.parseAsync().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});

async function simulators({ smtpPort, webPort, twilioPort, seed: text }: Record<'smtpPort' | 'webPort' | 'twilioPort', string | undefined> & { seed: string }): Promise<void> {
  const port = (given: string | undefined) => (given ? Number(given) : undefined);
  const seed = Number(text);
  const inbox = await startInbox({ smtpPort: port(smtpPort), webPort: port(webPort), seed });
  const { TWILIO_ACCOUNT_SID: accountSid, TWILIO_AUTH_TOKEN: authToken } = process.env;
  const twilio = await startTwilioSimulator({ port: port(twilioPort), accountSid, authToken, seed });
  console.log(JSON.stringify({ smtpUrl: inbox.smtpUrl, inboxUrl: inbox.url, twilioUrl: twilio.url, accountSid: twilio.accountSid, authToken: twilio.authToken }));
}

/** Everything on this machine; data stays in `.rappel/data/start`. Ctrl-C ends it all. */
async function start(): Promise<void> {
  claimFolder(inRappelDir('data', 'start'));
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
    await lookAfter(stack, () => ending);
  }
}

/** What dies is said and started again, until the end. */
async function lookAfter({ postgres, nats, services: running }: Stack, isOver: () => boolean): Promise<void> {
  const servers = [...(postgres ? [{ name: 'PostgreSQL', ...postgres }] : []), ...(nats ? [{ name: 'NATS', ...nats }] : [])];
  const supervisor = createSupervisor(() => [...servers, ...running], (line) => { if (!isOver()) console.error(line); });
  for (;;) {
    await delay(LOOK_AGAIN_MS);
    if (isOver()) return;
    await supervisor.revive().catch((error: Error) => { if (!isOver()) console.error(error.message); });
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

function report({ services: running, inbox, twilio, postgres, nats, natsLogin, logDir, env }: Stack, key: string | undefined): void {
  const { user, pass } = natsLogin('upstream');
  const lines: [string, string | undefined][] = [
    ...running.map(({ name, url }): [string, string] => [name, `${url}/docs${key ? `#token=${key}` : ''}`]),
    ...providers({ inbox, twilio }),
    ['PostgreSQL', postgres ? env['DATABASE_URL'] : undefined], ['NATS', nats?.url], ["upstream's login", nats && user ? `${user} ${pass ?? ''}` : undefined], ['logs', logDir], ['API key', key],
  ];
  console.log(`\nRappel is ready after ${(performance.now() / 1000).toFixed(1)} s\n`);
  for (const [name, link] of lines) if (link) console.log(`  ${name.padEnd(18)} ${link}`);
  console.log('\nCtrl-C stops everything.');
}

/** The pages that show what was sent, or where it really goes. */
function providers({ inbox, twilio }: Pick<Stack, 'inbox' | 'twilio'>): [string, string][] {
  const { SMTP_HOST, TWILIO_WHATSAPP_FROM } = process.env;
  return [
    ['mails', inbox?.url ?? `sent through ${SMTP_HOST}`],
    ['WhatsApp messages', twilio?.url ?? `sent through Twilio, from ${TWILIO_WHATSAPP_FROM}`],
  ];
}
