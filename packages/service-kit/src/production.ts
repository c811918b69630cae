import { parseMasterKeys } from '@rappel/privacy';

export type Environment = Readonly<Record<string, string | undefined>>;

const local = /^(?:localhost|127\.\d+\.\d+\.\d+|0\.0\.0\.0|\[?::1\]?|.*\.local|host\.docker\.internal)$/i;

/** Twilio, or a proxy in front of it, speaks TLS and is somewhere else; a simulator is neither. */
function isSimulator(url: string): boolean {
  try {
    const { hostname, protocol } = new URL(url);
    return protocol !== 'https:' || local.test(hostname);
  } catch {
    return true;
  }
}

/** What examples, images and hurried hands put where a secret belongs. */
const placeholder = /^(?:change[-_ ]?(?:me|it)!?|secret|password|pass|passw0rd|postgres|rappel|nats|admin|root|guest|twilio|test|dev|example|default|1234\d*|x{3,}|your[-_].+|<.+>)$/i;

/** Servers may be listed with commas; PostgreSQL takes a password as a parameter, too. */
const hasPlaceholder = (urls: string): boolean => urls.split(',').some((url) => {
  const password = /^(?:[a-z+]+:\/\/)?[^/?#@:]*:([^@/?#]*)@/.exec(url)?.[1] ?? /[?&]password=([^&#]*)/.exec(url)?.[1];
  return password !== undefined && placeholder.test(decoded(password));
});

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** A name and a password in the URL, or one of the other ways in. */
const logsIn = ({ NATS_URL = '', ...env }: Environment): boolean =>
  NATS_URL.includes('@') || ['NATS_PASSWORD', 'NATS_CREDS', 'NATS_NKEY_SEED', 'NATS_TLS_CERT'].some((key) => env[key] !== undefined);

/** Random bytes are nearly all different; the same one again and again, or a text, is not a key. */
const DISTINCT_BYTES = 16;
function isPlaceholderKey(text: string): boolean {
  try {
    return parseMasterKeys(text).all.some(({ secret }) => new Set(secret).size < DISTINCT_BYTES || /^[\x20-\x7e]+$/.test(secret.toString('latin1')));
  } catch {
    return false;
  }
}

/** Keys that hold a secret, or a URL with one. */
const secrets = ['NATS_PASSWORD', 'TWILIO_AUTH_TOKEN', 'SMTP_PASSWORD', 'BOUNCE_WEBHOOK_SECRET'];
const urls = ['DATABASE_URL', 'EVENT_STORE_URL', 'NATS_URL'];

const rules: readonly ((env: Environment) => string | false)[] = [
  ({ RAPPEL_CLOCK }) => RAPPEL_CLOCK !== undefined && 'RAPPEL_CLOCK: production keeps real time',
  ({ RAPPEL_AUTH }) => RAPPEL_AUTH === 'off' && 'RAPPEL_AUTH: production needs authentication',
  (env) => !logsIn(env) && 'NATS_PASSWORD, NATS_CREDS, NATS_NKEY_SEED or NATS_TLS_CERT: production needs a login of its own for each service',
  ({ TWILIO_BASE_URL }) => TWILIO_BASE_URL !== undefined && isSimulator(TWILIO_BASE_URL) && 'TWILIO_BASE_URL: production does not use a simulator',
  ({ RAPPEL_MASTER_KEY }) => RAPPEL_MASTER_KEY !== undefined && isPlaceholderKey(RAPPEL_MASTER_KEY) && 'RAPPEL_MASTER_KEY: this key is a placeholder; make one with: openssl rand -base64 32',
  ({ OIDC_JWKS_URL }) => OIDC_JWKS_URL !== undefined && !OIDC_JWKS_URL.startsWith('https://') && 'OIDC_JWKS_URL: production needs https',
  ({ OIDC_ISSUER, OIDC_AUDIENCE, OIDC_JWKS_URL }) => new Set([OIDC_ISSUER, OIDC_AUDIENCE, OIDC_JWKS_URL].map(Boolean)).size > 1 && 'OIDC_ISSUER, OIDC_AUDIENCE, OIDC_JWKS_URL: one of them is missing, so that no JWT would be taken',
  ...secrets.map((key) => (env: Environment) => env[key] !== undefined && env[key].split(',').some((one) => placeholder.test(one.trim())) && `${key}: it is a default one`),
  ...urls.map((key) => (env: Environment) => env[key] !== undefined && hasPlaceholder(env[key]) && `${key}: its password is a default one`),
];

/** What is fine on a desk and refused in production, as lines that name the key. */
export const unsafeInProduction = (env: Environment): string[] => rules.map((rule) => rule(env)).filter((line) => line !== false);
