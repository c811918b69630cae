import type { EventStore } from '@rappel/event-store';
import type { Pool } from '@rappel/postgres';
import { logState } from '@rappel/read-model';
import { Gauge } from 'prom-client';
import type { Registry } from 'prom-client';
import type { Projector } from './projector.ts';
import type { RecipientRetention } from './retention.ts';

interface Sources { readonly registry: Registry; readonly store: EventStore; readonly pool: Pool; readonly projector: Projector; readonly retention: RecipientRetention }

/** How far the log is behind the events, what it set aside, and whether it holds what it should have let go of. What cannot be read is NaN: the page never fails for it. */
export function measureProjection({ registry, store, pool, projector, retention }: Sources): void {
  const gauge = (name: string, help: string, value: () => Promise<number> | number) => {
    const metric = new Gauge({
      name, help, registers: [registry],
      async collect() {
        metric.reset();
        try {
          metric.set(await value());
        } catch {
          metric.set(Number.NaN);
        }
      },
    });
  };
  gauge('rappel_projection_writing', '1 = this instance writes the log, 0 = another one does or nobody', () => (projector.status().role === 'writer' ? 1 : 0));
  gauge('rappel_projection_behind_seconds', 'Age of the oldest event that the log does not have', async () => {
    const [next] = await store.readAll({ after: (await logState(pool))?.checkpoint ?? '', categories: ['notification'], limit: 1 });
    return next ? Math.max(0, Date.now() - Date.parse(next.recordedAt)) / 1000 : 0;
  });
  gauge('rappel_projection_events', 'Events folded into the log since its start', async () => (await logState(pool))?.events ?? 0);
  gauge('rappel_recipients_late_seconds', 'For how long the log has held recipients that were to leave it', retention.lateSeconds);
  gauge('rappel_projection_set_aside', 'Events that the log could not take', async () => (await logState(pool))?.poison ?? 0);
}
