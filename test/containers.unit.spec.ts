import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { DockerfileParser, type From } from 'dockerfile-ast';
import { compose, demanded, environmentOf, interpolate, variables } from './support/compose.ts';
import { bundles, exists, read, serviceNames, services, systemPaths } from './support/services.ts';

const dockerfile = DockerfileParser.parse(read('Dockerfile'));
const stages = dockerfile.getFROMs();
const last = stages.at(-1) as From;
const inLastStage = (keyword: string) => dockerfile.getInstructions()
  .filter((instruction) => instruction.getKeyword() === keyword && instruction.getRange().start.line > last.getRange().start.line);
const argumentsOf = (keyword: string): string[] => inLastStage(keyword).at(-1)?.getArguments().map((argument) => argument.getValue()) ?? [];

/** One good value for each variable that Compose demands. */
const sample: Readonly<Record<string, string>> = {
  ...Object.fromEntries(demanded.map((name) => [name, createHash('sha256').update(name).digest('hex')])),
  TWILIO_ACCOUNT_SID: `AC${'1a'.repeat(16)}`,
  TWILIO_WHATSAPP_FROM: 'whatsapp:+14155238886',
};
const kurrentUrl = /kurrentdb:\/\/[^'\s]+/.exec(read('docker-compose.yml'))?.[0] ?? 'missing';

describe('the image', () => {
  it('is built in stages, from a Node that the project accepts', () => {
    const { engines } = JSON.parse(read('package.json')) as { engines: { node: string } };
    expect(stages.length).toBeGreaterThan(1);
    for (const stage of stages.filter((from) => from.getImageName() === 'node')) {
      expect(versionOf(stage.getImageTag())).toBeGreaterThanOrEqual(versionOf(engines.node));
    }
  });

  it('copies from earlier stages, and what is there', () => {
    const built = new Set(stages.map((from) => from.getBuildStage()));
    for (const copy of dockerfile.getCOPYs()) {
      const sources = copy.getArguments().map((argument) => argument.getValue()).slice(0, -1);
      const from = copy.getFromFlag()?.getValue();
      expect({ from, known: !from || built.has(from) }).toEqual({ from, known: true });
      // `dist` is what the build writes.
      const missing = sources.map((source) => source.replace(/^\/src\//, '')).filter((path) => path !== 'dist' && !exists(path));
      expect(missing).toEqual([]);
    }
  });

  it('is built by scripts that exist', () => {
    const scripts = dockerfile.getInstructions().filter((instruction) => instruction.getKeyword() === 'RUN').flatMap((run) => [...(run.getArgumentsContent() ?? '').matchAll(/scripts\/[\w.-]+/g)].map(([path]) => path));
    expect(scripts.length).toBeGreaterThan(0);
    for (const script of scripts) expect({ script, there: exists(script) }).toEqual({ script, there: true });
  });

  it('takes no secrets, no foreign packages and no local data in', () => {
    expect(read('.dockerignore').split('\n')).toEqual(expect.arrayContaining(['.env', '.git', '.rappel', '**/node_modules', 'dist']));
  });

  it('runs as a user, in production, without a shell, one bundle', async () => {
    expect(argumentsOf('USER')).not.toEqual([]);
    expect(['root', '0']).not.toContain(argumentsOf('USER')[0]);
    expect(dockerfile.getENVs().flatMap((env) => env.getProperties()).find((property) => property.getName() === 'NODE_ENV')?.getValue()).toBe('production');
    expect(JSON.parse(argumentsOf('ENTRYPOINT').join(' '))).toEqual(['node']);
    const [command] = JSON.parse(argumentsOf('CMD').join(' ')) as string[];
    expect((await bundles()).map((name) => `dist/${name}.mjs`)).toContain(command);
  });
});

describe('compose', () => {
  const ours = Object.entries(compose.services).filter(([, { image }]) => image === 'rappel');

  it('has each of the services of the code, and no other of its own but the tool', () => {
    expect(ours.map(([name]) => name).filter((name) => name !== 'rappel').sort()).toEqual([...serviceNames]);
  });

  it.each(services)('runs $name from its bundle, with keys it knows, on the port it listens on', async ({ name, keys, required, port, parse }) => {
    const { command, environment = {}, ports, healthcheck } = compose.services[name]!;
    expect(command).toEqual([`dist/${name}.mjs`]);
    expect(await bundles()).toContain(name);
    expect(Object.keys(environment).filter((key) => !keys.includes(key))).toEqual([]);
    expect(required.filter((key) => !(key in environment))).toEqual([]);
    expect(environment['PORT']).toBe(port);
    expect(ports).toEqual([`127.0.0.1:${port}:${port}`]);
    expect(systemPaths).toContain(/\/health\/\w+/.exec(healthcheck!.test.join(' '))?.[0]);
    const choices: Record<string, string>[] = [{}, { NODE_ENV: 'production' }, { EVENT_STORE_URL: kurrentUrl }];
    for (const choice of choices) {
      expect(() => parse({ HOST: '0.0.0.0', ...environmentOf(name, { ...sample, ...choice }) })).not.toThrow();
    }
  });

  /** Where and how containers run, and what nobody tunes before measuring: by an override file. */
  const left = ['HOST', 'NATS_CREDS', 'NATS_NKEY_SEED', 'NATS_TLS_CA', 'NATS_TLS_CERT', 'NATS_TLS_KEY', 'RAPPEL_CLOCK', 'RAPPEL_AUTH', 'SHUTDOWN_TIMEOUT_MS',
    'RAPPEL_TEMPLATES_DIR', 'DELIVERY_CONCURRENCY', 'DELIVERY_LEASE_MS', 'CHANNEL_PROBE_MS', 'SMTP_CONNECTIONS', 'SMTP_TIMEOUT_MS',
    'TWILIO_BASE_URL', 'TWILIO_TIMEOUT_MS', 'TWILIO_SETTLE_MS', 'SCHEDULER_BATCH', 'SCHEDULER_LOOK_AGAIN_MS'];
  it.each(services)('passes on to $name what .env may say of it', ({ name, keys }) => {
    expect(keys.filter((key) => !(key in (compose.services[name]!.environment ?? {})) && !left.includes(key))).toEqual([]);
  });

  it.each(ours)('gives %s a read-only root and no rights', (_, { read_only: readOnly, cap_drop: dropped, security_opt: options }) => {
    expect({ readOnly, dropped, options }).toEqual({ readOnly: true, dropped: ['ALL'], options: ['no-new-privileges:true'] });
  });

  const containers = Object.entries(compose.services);
  it.each(containers)('lets %s mount what is there, wait for what can be healthy, and be reached from this machine only', (_, { volumes = [], depends_on: needed = {}, ports = [] }) => {
    const sources = volumes.map((volume) => volume.split(':')[0]!);
    expect(sources.filter((source) => !(source in compose.volumes) && !(source.startsWith('.') && exists(source)))).toEqual([]);
    const waitedFor = Object.entries(needed).filter(([, { condition }]) => condition === 'service_healthy').map(([name]) => name);
    expect(waitedFor.filter((name) => !compose.services[name]?.healthcheck)).toEqual([]);
    expect(ports.filter((port) => !/^127\.0\.0\.1:\d+:\d+$/.test(port))).toEqual([]);
  });

  it('reaches its servers by the names and ports that they have', () => {
    const env = environmentOf('loan', { ...sample, EVENT_STORE_URL: kurrentUrl });
    for (const key of ['DATABASE_URL', 'EVENT_STORE_URL', 'NATS_URL']) {
      expect({ key, known: new URL(env[key]!).hostname in compose.services }).toEqual({ key, known: true });
    }
    const postgres = environmentOf('postgres', sample);
    const { username, password, pathname } = new URL(env['DATABASE_URL']!);
    expect([username, password, pathname.slice(1)]).toEqual([postgres['POSTGRES_USER'], postgres['POSTGRES_PASSWORD'], postgres['POSTGRES_DB']]);
    expect(compose.services[environmentOf('email', sample)['SMTP_HOST']!]).toBeDefined();
  });

  it('gives NATS its configuration, and each service the user that it knows there', () => {
    const { command = [], volumes = [], environment = {}, healthcheck } = compose.services['nats']!;
    const [from, to] = volumes.find((volume) => volume.startsWith('./infra/nats:'))!.split(':') as [string, string];
    const inside = (path: string): string => path.replace(to, from);
    expect(exists(inside(command[command.indexOf('-c') + 1]!))).toBe(true);
    const conf = included(inside(command[command.indexOf('-c') + 1]!));
    const users = new Map([...conf.matchAll(/user: "([\w-]+)", password: \$(\w+)/g)].map(([, user, key]) => [user!, key!]));
    expect([...users.values()].filter((key) => !(key in environment))).toEqual([]);
    for (const [name, { environment: own = {} }] of ours) {
      const key = users.get(String(own['NATS_USER']));
      expect({ name, password: own['NATS_PASSWORD'] }).toEqual({ name, password: `\${${key}:?set it in .env}` });
    }
    expect(volumes.map((volume) => volume.split(':')[1])).toContain(/store_dir: "([^"]+)"/.exec(conf)![1]);
    expect(healthcheck!.test.join(' ')).toContain(`:${/http: "[^"]*:(\d+)"/.exec(conf)![1]}/healthz`);
    expect(conf).toMatch(new RegExp(`listen: "[^"]*:${new URL(environmentOf('loan', sample)['NATS_URL']!).port}"`));
  });

  it('names in .env.example everything that it can be told', () => {
    const named = [...read('.env.example').matchAll(/^#?\s?(\w+)=/gm)].map(([, name]) => name);
    expect(variables.filter((name) => !named.includes(name))).toEqual([]);
  });

  it('stops when a secret is missing', () => {
    expect(() => interpolate(compose.services['loan']!.environment!['DATABASE_URL']!, {})).toThrow('POSTGRES_PASSWORD');
  });

  it('is accepted by Docker itself, where one answers', () => {
    if (!dockerAnswers()) {
      process.stdout.write('skipped: docker compose config (no Docker answers here; the files are checked against the code)\n');
      return;
    }
    expect(() => execFileSync('docker', ['compose', '--profile', '*', 'config', '--quiet'], { env: { ...process.env, ...sample }, stdio: 'pipe' })).not.toThrow();
  });
});

/** The first version in a text, as a number that can be compared. */
function versionOf(text: string | null): number {
  const [, major = '0', minor = '0'] = /(\d+)\.(\d+)/.exec(text ?? '') ?? [];
  return Number(major) * 1000 + Number(minor);
}

/** A NATS configuration with what it includes. */
function included(path: string): string {
  const folder = path.slice(0, path.lastIndexOf('/'));
  return read(path).replaceAll(/^include "([^"]+)"/gm, (_, file: string) => included(`${folder}/${file}`)).replaceAll(/^\s*#.*$/gm, '');
}

function dockerAnswers(): boolean {
  try {
    execFileSync('docker', ['info'], { stdio: 'ignore', timeout: 10_000 });
    return true;
  } catch {
    return false;
  }
}
