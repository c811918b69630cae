import { existsSync, readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { z } from 'zod';
import { unsafeInProduction, type Environment } from './production.ts';

export type { Environment } from './production.ts';

/** The environment is not usable. `problems` name keys and what is expected, never a value. */
export class ConfigInvalid extends Error {
  override readonly name = 'ConfigInvalid';
  readonly code = 'config-invalid';
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(`configuration:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.problems = problems;
  }
}

/** For settings that hold JSON: `z.string().transform(json).pipe(…)`. */
export const json = (text: string, context: z.RefinementCtx): unknown => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    context.addIssue({ code: 'custom', message: 'expected JSON' });
    return z.NEVER;
  }
};

/** Reads a configuration. An empty value counts as absent. Throws `ConfigInvalid` with every problem at once. */
export function parseConfig<S extends z.ZodRawShape>(shape: S, env: Environment): z.infer<z.ZodObject<S>> {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const parsed = z.object(shape).safeParse(given);
  // A message of the schema may quote what it got: only the key and our own words go out.
  const problems = parsed.success ? [] : parsed.error.issues.map((issue) => `${issue.path.join('.') || '(all)'}: ${expected(issue, given)}`);
  const unsafe = given['NODE_ENV'] === 'production' ? unsafeInProduction(given) : [];
  if (!parsed.success || unsafe.length > 0) throw new ConfigInvalid([...problems, ...unsafe]);
  return parsed.data;
}

function expected(issue: z.core.$ZodIssue, given: Environment): string {
  if (given[String(issue.path[0])] === undefined) return 'missing';
  switch (issue.code) {
    case 'invalid_value': return `expected one of ${issue.values.join(', ')}`;
    case 'invalid_type': return `expected ${issue.expected}`;
    case 'too_small': return `expected at least ${issue.minimum}`;
    case 'too_big': return `expected at most ${issue.maximum}`;
    case 'invalid_format': return `expected ${ownWords(issue) ?? formats[issue.format] ?? issue.format}`;
    case 'custom': return issue.message;
    default: return 'not valid';
  }
}

const formats: Readonly<Record<string, string>> = { url: 'https://…' };

/** What a schema of ours says of a format; zod's own words would show a pattern. */
const ownWords = ({ message }: z.core.$ZodIssue): string | undefined => (message.startsWith('Invalid') ? undefined : message.replace(/^expected /, ''));

/**
 * The configuration from `.env` in the working directory and the environment, which wins.
 * When it is not usable, prints the bad keys and what is expected, never values, and exits with 1.
 */
export function loadConfig<S extends z.ZodRawShape>(shape: S, env: Environment = process.env): z.infer<z.ZodObject<S>> {
  try {
    const file = existsSync('.env') ? parseEnv(readFileSync('.env', 'utf8')) : {};
    return parseConfig(shape, { ...file, ...Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined)) });
  } catch (error) {
    if (!(error instanceof ConfigInvalid)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
}
