// A NATS server as infra/nats has it for production: encrypted, client certificates asked for, users by nkey. Keys are made anew each time.
import { writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { nkeys } from '@nats-io/nats-core';
import { createAuthority, type Authority, type Certificate } from '@rappel/tls/testing';

const infra = join(import.meta.dirname, '../../../infra/nats');
export const users = ['loan', 'scheduler', 'email', 'whatsapp', 'notification-log', 'operator', 'upstream'] as const;
export type User = (typeof users)[number];
/** What a user is called in the variables of infra/nats. */
export const variable = (user: User): string => `NATS_${user === 'notification-log' ? 'LOG' : user.toUpperCase()}`;

/** What `startNats` takes, and what a client sets in its environment. */
export interface SecuredNats {
  readonly options: { configFile: string; configEnv: Record<string, string> };
  environment(user: User): Record<string, string>;
  /** A new nkey for a user; the server takes it at its next start. */
  rotate(user: User): void;
}

/** TLS with client certificates, and an nkey for each user. */
export async function securedNats(folder: string): Promise<SecuredNats> {
  const authority = await createAuthority(folder);
  const [server, client] = [await authority.issue('server'), await authority.issue('client')];
  const configFile = join(folder, 'secured.conf');
  writeFileSync(configFile, ['tls.conf', 'nkeys.conf'].map((file) => `include ${JSON.stringify(relative(folder, join(infra, file)))}\n`).join(''));
  const configEnv: Record<string, string> = tlsVariables(authority, server);
  const pairs = new Map<User, ReturnType<typeof nkeys.createUser>>();
  const rotate = (user: User): void => {
    const pair = nkeys.createUser();
    pairs.set(user, pair);
    configEnv[`${variable(user)}_NKEY`] = pair.getPublicKey();
  };
  users.forEach(rotate);
  return {
    options: { configFile, configEnv }, rotate,
    environment: (user) => ({
      NATS_NKEY_SEED: new TextDecoder().decode(pairs.get(user)!.getSeed()), NATS_USER: '', NATS_PASSWORD: '',
      NATS_TLS_CA: authority.ca, NATS_TLS_CERT: client.cert, NATS_TLS_KEY: client.key,
    }),
  };
}

/** What `infra/nats/tls.conf` refers to. */
export const tlsVariables = ({ ca }: Authority, { cert, key }: Certificate, verify = true): Record<string, string> =>
  ({ NATS_SERVER_CERT: cert, NATS_SERVER_KEY: key, NATS_SERVER_CA: ca, NATS_VERIFY_CLIENTS: String(verify) });
