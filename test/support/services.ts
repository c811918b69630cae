// What the code says about each service: the facts that containers, manifests and documents are checked against.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseConfig, type Environment } from '@rappel/service-kit';

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
export const read = (...path: string[]): string => readFileSync(join(root, ...path), 'utf8');
export const exists = (...path: string[]): boolean => existsSync(join(root, ...path));

/** The text of every source file under a folder, tests apart; none where there is no such folder. */
export const sourcesIn = (folder: string, ending = '.ts'): string[] => (exists(folder)
  ? readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith(ending) && !file.endsWith('.spec.ts')).map((file) => read(folder, file))
  : []);

type Shape = Parameters<typeof parseConfig>[0];

export interface ServiceFacts {
  /** As its folder, its bundle and its container are called. */
  readonly name: string;
  /** Every key that it reads from the environment. */
  readonly keys: readonly string[];
  /** Those that it does not start without. */
  readonly required: readonly string[];
  /** It listens here unless told otherwise. */
  readonly port: number;
  /** What it says about an environment; throws `ConfigInvalid`, which names the bad keys. */
  parse(env: Environment): unknown;
}

export const serviceNames: readonly string[] = readdirSync(join(root, 'services')).sort();

async function factsOf(name: string): Promise<ServiceFacts> {
  const module = await import(join(root, 'services', name, 'src/config.ts')) as Record<string, unknown>;
  const shape = Object.values(module).find((value): value is Shape => typeof value === 'object' && value !== null && 'DATABASE_URL' in value);
  if (!shape) throw new Error(`services/${name}/src/config.ts exports no configuration shape`);
  const without = (key: string): { success: boolean; data?: unknown } => (shape[key] as unknown as { safeParse(value: unknown): { success: boolean; data?: unknown } }).safeParse(undefined);
  return {
    name,
    keys: Object.keys(shape),
    required: Object.keys(shape).filter((key) => !without(key).success),
    port: Number(without('PORT').data),
    parse: (env) => parseConfig(shape, env),
  };
}

/** Every service of `services/`, from its exported configuration shape. */
export const services: readonly ServiceFacts[] = await inTurn(serviceNames.filter((name) => exists('services', name, 'src/main.ts')), factsOf);

/** One after the other: jest's module loader mixes up imports that run at the same time. */
async function inTurn<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) results.push(await work(item));
  return results;
}

/** The bundles that the build writes, by name: `dist/<name>.mjs`. */
export async function bundles(): Promise<string[]> {
  const { entryPoints } = await import(join(root, 'scripts/build.mjs')) as { entryPoints(): Record<string, string> };
  return Object.keys(entryPoints());
}

/** The paths that every service answers beside its own, e.g. `/health/ready`. */
export const systemPaths: readonly string[] = [...read('packages/service-kit/src/http/system.controller.ts').matchAll(/@Get\('([^']+)'\)/g)].map(([, path]) => `/${path}`);
