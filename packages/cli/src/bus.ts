// The bus' package brings Nest's decorators, which need it to be there before them.
import 'reflect-metadata';
import type { BusOptions } from '@rappel/messaging';
import type { ToolConfig } from './config.ts';

/** The operator's own NATS user hears answers under `_INBOX_operator` only. */
export function busOptionsOf(config: ToolConfig): BusOptions {
  const given = { user: config.get('NATS_USER'), pass: config.get('NATS_PASSWORD'), credentialsFile: config.get('NATS_CREDS'), nkeySeed: config.get('NATS_NKEY_SEED') };
  const tls = defined({ ca: config.file('NATS_TLS_CA'), cert: config.file('NATS_TLS_CERT'), key: config.file('NATS_TLS_KEY') });
  return {
    servers: config.get('NATS_URL') ?? 'nats://127.0.0.1:4222', name: 'rappel-tool', inboxPrefix: '_INBOX_operator',
    ...defined(given), ...(Object.keys(tls).length > 0 && { tls }),
  };
}

const defined = (given: Record<string, string | undefined>): Record<string, string> => Object.fromEntries(Object.entries(given).filter((entry): entry is [string, string] => entry[1] !== undefined));
