import { Counter, type Registry } from 'prom-client';

export type { Registry } from 'prom-client';

/** Webhooks that were refused, by `reason`: `signature` = missing, forged, stale, or of another address; `replayed` = signed, and it came before; `unknown` = signed, about a notification that is not here. */
export function countRefused(registry: Registry, name: 'rappel_receipts_refused_total' | 'rappel_replies_refused_total'): Counter<'reason'> {
  const refused = new Counter({
    name, help: 'Webhooks that were refused: the signature does not fit, it came before, or it is about nothing known here', labelNames: ['reason'] as const, registers: [registry],
  });
  for (const reason of ['signature', 'replayed']) refused.inc({ reason }, 0);
  return refused;
}
