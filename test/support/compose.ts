// docker-compose.yml as Compose understands it: anchors merged, variables put in.
import { parse } from 'yaml';
import { read } from './services.ts';

export interface Container {
  readonly image?: string;
  readonly build?: unknown;
  readonly command?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly environment?: Readonly<Record<string, string | number>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly profiles?: readonly string[];
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string; readonly required?: boolean }>>;
}

export interface Compose {
  readonly services: Readonly<Record<string, Container>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

const text = read('docker-compose.yml').replaceAll(/^\s*#.*$/gm, '');
export const compose = parse(text, { merge: true }) as Compose;

const variable = /\$\{(\w+)(?::([-?])([^}]*))?\}/g;

/** The variables that stop Compose when they are not set. */
export const demanded: readonly string[] = [...new Set([...text.matchAll(variable)].filter(([, , kind]) => kind === '?').map(([, name]) => name!))];
/** All variables. */
export const variables: readonly string[] = [...new Set([...text.matchAll(variable)].map(([, name]) => name!))];

/** A value with its variables put in; one that is demanded and missing throws. */
export function interpolate(value: string | number, env: Readonly<Record<string, string>>): string {
  return String(value).replaceAll(variable, (_, name: string, kind: string | undefined, rest: string | undefined) => {
    if (env[name]) return env[name];
    if (kind === '?') throw new Error(`${name} is not set: ${rest}`);
    return rest ?? '';
  });
}

/** The environment of one container as Compose gives it. */
export const environmentOf = (name: string, env: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(compose.services[name]?.environment ?? {}).map(([key, value]) => [key, interpolate(value, env)]));
