import { Zone } from '@rappel/contracts';
import { parseMasterKeys } from '@rappel/privacy';
import { z } from 'zod';
import { parseClock } from './clock.ts';
import { json } from './config.ts';

const passes = (check: (text: string) => unknown) => (text: string): boolean => {
  try {
    check(text);
    return true;
  } catch {
    return false;
  }
};

/** What every service reads from the environment. Spread it into the service's own shape. */
export const baseConfig = {
  NODE_ENV: z.enum(['development', 'test', 'production']).default('development'),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  /** Address to listen on. */
  HOST: z.string().default('127.0.0.1'),
  /** 0 = any free port. */
  PORT: z.coerce.number().int().min(0).max(65_535).default(0),
  DATABASE_URL: z.string().refine((url) => /^postgres(?:ql)?:\/\//.test(url), 'expected postgres://…'),
  /** postgres://… or kurrentdb://… or esdb://…; absent = DATABASE_URL. */
  EVENT_STORE_URL: z.string().refine((url) => /^(?:postgres(?:ql)?|kurrentdb|esdb)(?:\+discover)?:\/\//.test(url), 'expected postgres://…, kurrentdb://… or esdb://…').optional(),
  NATS_URL: z.string().default('nats://127.0.0.1:4222'),
  /** One of these, or credentials in the URL, or none for a server that asks for none. The seed may be `file:PATH`. */
  NATS_USER: z.string().optional(),
  NATS_PASSWORD: z.string().optional(),
  NATS_CREDS: z.string().optional(),
  NATS_NKEY_SEED: z.string().optional(),
  /** PEM files. */
  NATS_TLS_CA: z.string().optional(),
  NATS_TLS_CERT: z.string().optional(),
  NATS_TLS_KEY: z.string().optional(),
  RAPPEL_MASTER_KEY: z.string().refine(passes(parseMasterKeys), 'expected 32 bytes in base64 or hex, as KEY, ID:KEY or NEW:KEY,OLD:KEY, or file:PATH'),
  /** `ORIGIN@ANCHOR*FACTOR` or `file:PATH`: see `clockFrom`. Absent = real time. */
  RAPPEL_CLOCK: z.string().refine((text) => text.startsWith('file:') || passes(parseClock)(text), 'expected ORIGIN@ANCHOR*FACTOR, two ISO instants and a number, or file:PATH').optional(),
  RAPPEL_DEFAULT_COUNTRY: z.string().regex(/^[A-Z]{2}$/, 'expected two letters, FR').default('FR'),
  RAPPEL_CLOSING_HOUR: z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'expected HH:mm, 18:00').default('18:00'),
  /** Zone of a due moment that names none, when neither borrower nor department has one, and of "today" in the statistics. */
  RAPPEL_DEFAULT_ZONE: Zone.default('Europe/Paris'),
  /** `{"department":"Zone", …}` */
  RAPPEL_DEPARTMENT_ZONES: z.string().transform(json).pipe(z.record(z.string(), Zone)).prefault('{}'),
  /** `off` answers everybody; refused in production. */
  RAPPEL_AUTH: z.enum(['on', 'off']).default('on'),
  OIDC_ISSUER: z.string().optional(),
  OIDC_AUDIENCE: z.string().optional(),
  /** Absent = no JWT is accepted, API keys only. */
  OIDC_JWKS_URL: z.string().optional(),
  /** HTTP requests a minute from one address; 0 = no limit. */
  RAPPEL_RATE_LIMIT: z.coerce.number().int().min(0).default(6000),
  /** Pages of these origins (`https://desk.example.org`, comma between) may call the API from a browser; `*` = any. Default: none. */
  RAPPEL_CORS_ORIGINS: z.string().default('').transform((text) => text.split(',').map((one) => one.trim()).filter(Boolean))
    .refine((origins) => origins.every((one) => one === '*' || (URL.canParse(one) && new URL(one).origin === one)), 'expected origins like https://desk.example.org, without a path'),
  /** Whether `X-Forwarded-*` of a proxy is believed. */
  RAPPEL_TRUST_PROXY: z.stringbool().default(false),
  /** Longest orderly shutdown, real milliseconds; then the process ends with 1. */
  SHUTDOWN_TIMEOUT_MS: z.coerce.number().int().min(100).default(15_000),
};
export type BaseConfig = z.infer<z.ZodObject<typeof baseConfig>>;

/** What the configuration says of due moments that leave out their time or zone. */
export const dueRulesOf = ({ RAPPEL_CLOSING_HOUR, RAPPEL_DEPARTMENT_ZONES: zones, RAPPEL_DEFAULT_ZONE }: BaseConfig) => ({
  closing: RAPPEL_CLOSING_HOUR,
  // Own keys only: a department may be called `constructor`.
  zoneOf: (department = ''): string => (Object.hasOwn(zones, department) ? zones[department] : undefined) ?? RAPPEL_DEFAULT_ZONE,
});
