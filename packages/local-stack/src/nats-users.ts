import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { workspaceRoot } from './workspace.ts';

/** What a user's password is called in `infra/nats/users.conf`. */
const variables: Readonly<Record<string, string>> = {
  loan: 'NATS_LOAN_PASSWORD',
  scheduler: 'NATS_SCHEDULER_PASSWORD',
  email: 'NATS_EMAIL_PASSWORD',
  whatsapp: 'NATS_WHATSAPP_PASSWORD',
  'notification-log': 'NATS_LOG_PASSWORD',
  operator: 'NATS_OPERATOR_PASSWORD',
  upstream: 'NATS_UPSTREAM_PASSWORD',
};

export interface NatsUsers {
  readonly configFile: string;
  readonly configEnv: Record<string, string>;
  /** A service's login, or that of `operator` and `upstream`; nothing for a name that has none. */
  login(name: string): { user?: string; pass?: string };
  /** The same, as the variables that a service reads. */
  environment(name: string): Record<string, string>;
}

/** The same users and permissions as everywhere else, with passwords made once and kept in `file`. */
export function natsUsers(file: string): NatsUsers {
  if (!existsSync(file)) {
    // nats-server would read a variable that begins with a digit as a number.
    const made = Object.fromEntries(Object.values(variables).map((name) => [name, `p${randomBytes(24).toString('hex')}`]));
    writeFileSync(file, `${JSON.stringify(made, null, 2)}\n`, { mode: 0o600 });
  }
  const configEnv = JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>;
  const passwordOf = (name: string): string | undefined => configEnv[variables[name] ?? ''];
  return {
    configFile: join(workspaceRoot, 'infra', 'nats', 'users.conf'),
    configEnv,
    login: (name) => {
      const pass = passwordOf(name);
      return pass ? { user: name, pass } : {};
    },
    environment: (name): Record<string, string> => {
      const pass = passwordOf(name);
      return pass ? { NATS_USER: name, NATS_PASSWORD: pass } : {};
    },
  };
}
