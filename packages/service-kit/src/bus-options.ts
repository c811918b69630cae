import { readFileSync } from 'node:fs';
import type { BaseConfig } from './base-config.ts';

/** What `connectBus` of `@rappel/messaging` takes, from the configuration. */
export interface BusSettings {
  readonly servers: string;
  readonly name: string;
  readonly user?: string;
  readonly pass?: string;
  readonly credentialsFile?: string;
  readonly nkeySeed?: string;
  readonly inboxPrefix: string;
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
}

const seedOf = (text: string): string => (text.startsWith('file:') ? readFileSync(text.slice('file:'.length), 'utf8').trim() : text);

/** The bus settings of one service. Its answers come back under `_INBOX_<name>`, the only inbox its NATS user may read. */
export function busOptions(name: string, config: BaseConfig): BusSettings {
  const { NATS_TLS_CA: ca, NATS_TLS_CERT: cert, NATS_TLS_KEY: key } = config;
  const pem = (file: string | undefined) => (file ? readFileSync(file, 'utf8') : undefined);
  const tls = Object.fromEntries(Object.entries({ ca: pem(ca), cert: pem(cert), key: pem(key) }).filter(([, value]) => value !== undefined));
  return {
    servers: config.NATS_URL,
    name,
    inboxPrefix: `_INBOX_${name}`,
    ...(config.NATS_USER !== undefined && { user: config.NATS_USER }),
    ...(config.NATS_PASSWORD !== undefined && { pass: config.NATS_PASSWORD }),
    ...(config.NATS_CREDS !== undefined && { credentialsFile: config.NATS_CREDS }),
    ...(config.NATS_NKEY_SEED !== undefined && { nkeySeed: seedOf(config.NATS_NKEY_SEED) }),
    ...(Object.keys(tls).length > 0 && { tls }),
  };
}
