import { existsSync, readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { ToolError, exitCodes } from './errors.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export const services = { loan: 4001, scheduler: 4002, email: 4003, whatsapp: 4004, 'notification-log': 4005 } as const;
export type ServiceName = keyof typeof services;

/** Where a running local stack says how it is reached. */
export const RUNNING = '.rappel/data/start/running.json';

export interface ToolConfig {
  /** Where the settings came from, most important first. */
  readonly sources: readonly string[];
  /** The setting, or undefined. */
  get(key: string): string | undefined;
  /** The setting; a `ToolError` that names it when it is missing or cannot be one. */
  require(key: string): string;
  /** What is in the file that the setting names; undefined without one. */
  file(key: string): string | undefined;
  /** Base URL of a service: `RAPPEL_LOAN_URL`, `RAPPEL_SCHEDULER_URL`, … or its default port on this machine. */
  url(service: ServiceName): string;
}

const shapes: Readonly<Record<string, { readonly shape: RegExp; readonly expected: string }>> = {
  DATABASE_URL: { shape: /^postgres(?:ql)?:\/\//, expected: 'postgres://…' },
};

/** The environment wins over `.env`, which wins over the local stack that runs in this checkout. */
export function readConfig(environment: Environment): ToolConfig {
  const layers: [string, Environment][] = [['environment', environment]];
  if (existsSync('.env')) layers.push(['.env', parseEnv(readFileSync('.env', 'utf8')) as Environment]);
  const running = environment['RAPPEL_RUNNING'] ?? RUNNING;
  if (existsSync(running)) layers.push([running, JSON.parse(readFileSync(running, 'utf8')) as Environment]);
  const get = (key: string) => layers.map(([, layer]) => layer[key]).find((value) => value !== undefined && value !== '');
  return {
    sources: layers.map(([name]) => name),
    get,
    require(key) {
      const value = get(key);
      if (value === undefined) throw new ToolError(`${key} is not set: start the local stack with "npm start", or set it in the environment or .env`, exitCodes.usage);
      if (shapes[key]?.shape.test(value) === false) throw new ToolError(`${key}: expected ${shapes[key].expected}`, exitCodes.usage);
      return value;
    },
    file(key) {
      const file = get(key);
      return file === undefined ? undefined : readFileSync(file, 'utf8');
    },
    url(service) {
      const key = `RAPPEL_${service === 'notification-log' ? 'LOG' : service.toUpperCase()}_URL`;
      const url = get(key) ?? `http://127.0.0.1:${services[service]}`;
      if (!/^https?:\/\//.test(url) || !URL.canParse(url)) throw new ToolError(`${key}: expected http://… or https://…`, exitCodes.usage);
      return url;
    },
  };
}
