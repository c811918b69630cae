export type Environment = Readonly<Record<string, string | undefined>>;

const local = /^(?:localhost|127\.\d+\.\d+\.\d+|0\.0\.0\.0|\[?::1\]?|.*\.local|host\.docker\.internal)$/i;

const isLocal = (url: string): boolean => {
  try {
    return local.test(new URL(url).hostname);
  } catch {
    return true;
  }
};

const defaultSecrets = /^(?:changeme|change-me|secret|password|postgres|rappel|test|dev|example|default)$/i;
const allSame = (key: string): boolean => /^(.)\1*={0,2}$/.test(key.replace(/^[A-Za-z0-9._-]{1,40}:/, ''));

function weakPassword(url: string): boolean {
  try {
    const { password } = new URL(url);
    return password !== '' && defaultSecrets.test(decodeURIComponent(password));
  } catch {
    return false;
  }
}

const rules: readonly ((env: Environment) => string | false)[] = [
  ({ RAPPEL_CLOCK }) => RAPPEL_CLOCK !== undefined && 'RAPPEL_CLOCK: production keeps real time',
  ({ RAPPEL_AUTH }) => RAPPEL_AUTH === 'off' && 'RAPPEL_AUTH: production needs authentication',
  ({ TWILIO_BASE_URL }) => TWILIO_BASE_URL !== undefined && isLocal(TWILIO_BASE_URL) && 'TWILIO_BASE_URL: production does not use a simulator',
  ({ RAPPEL_MASTER_KEY }) => RAPPEL_MASTER_KEY !== undefined && allSame(RAPPEL_MASTER_KEY) && 'RAPPEL_MASTER_KEY: this key is a placeholder; make one with: openssl rand -base64 32',
  ({ DATABASE_URL }) => DATABASE_URL !== undefined && weakPassword(DATABASE_URL) && 'DATABASE_URL: its password is a default one',
  ({ NATS_URL }) => NATS_URL !== undefined && weakPassword(NATS_URL) && 'NATS_URL: its password is a default one',
  ({ NATS_PASSWORD }) => NATS_PASSWORD !== undefined && defaultSecrets.test(NATS_PASSWORD) && 'NATS_PASSWORD: it is a default one',
  ({ TWILIO_AUTH_TOKEN }) => TWILIO_AUTH_TOKEN !== undefined && defaultSecrets.test(TWILIO_AUTH_TOKEN) && 'TWILIO_AUTH_TOKEN: it is a default one',
  ({ OIDC_JWKS_URL }) => OIDC_JWKS_URL !== undefined && !OIDC_JWKS_URL.startsWith('https://') && 'OIDC_JWKS_URL: production needs https',
];

/** What is fine on a desk and refused in production, as lines that name the key. */
export const unsafeInProduction = (env: Environment): string[] => rules.map((rule) => rule(env)).filter((line) => line !== false);
