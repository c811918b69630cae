import { Counter, type Registry } from 'prom-client';

export type { Registry } from 'prom-client';

/** What providers' webhooks are told beside the good ones. */
export interface WebhookCounts {
  /** The signature is missing, forged, stale, or of another address. */
  readonly refused: Counter;
  /** A receipt that came before: it changed nothing. */
  readonly repeated: Counter;
}

export const createWebhookCounts = (registry: Registry): WebhookCounts => ({
  refused: new Counter({ name: 'rappel_receipts_refused_total', help: 'Webhooks with a signature that does not fit', registers: [registry] }),
  repeated: new Counter({ name: 'rappel_receipts_repeated_total', help: 'Signed webhooks that came before, redelivered or replayed: nothing was stored', registers: [registry] }),
});
