// The bus' package brings Nest's decorators, which need it to be there before them.
import 'reflect-metadata';
import { readFileSync } from 'node:fs';
import type { BusOptions } from '@rappel/messaging';
import type { ToolConfig } from './config.ts';

/** The operator's own NATS user hears answers under `_INBOX_operator` only. */
export function busOptionsOf(config: ToolConfig): BusOptions {
  const pem = (key: string) => { const file = config.get(key); return file ? readFileSync(file, 'utf8') : undefined; };
  const [user, pass, credentialsFile, nkeySeed, ca] = [config.get('NATS_USER'), config.get('NATS_PASSWORD'), config.get('NATS_CREDS'), config.get('NATS_NKEY_SEED'), pem('NATS_TLS_CA')];
  return {
    servers: config.get('NATS_URL') ?? 'nats://127.0.0.1:4222', name: 'rappel-tool', inboxPrefix: '_INBOX_operator',
    ...(user && { user }), ...(pass && { pass }), ...(credentialsFile && { credentialsFile }), ...(nkeySeed && { nkeySeed }), ...(ca && { tls: { ca } }),
  };
}
