import type { Channel } from '@rappel/contracts';
import type { Logger } from '@rappel/service-kit';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { DeliveryNote } from '../delivery/dependencies.ts';
import type { Gate } from '../gate.ts';
import type { WaitingList } from '../waiting.ts';

interface NotesOptions { readonly channel: Channel; readonly logger: Logger; readonly registry: Registry; readonly gate: Gate; readonly waiting: WaitingList }

const loud: readonly DeliveryNote['what'][] = ['failed', 'given-up', 'unlisted-code'];

/** Each step to the log and the metrics: sent ones quietly, trouble aloud. */
export function createNotes({ channel, logger, registry, gate, waiting }: NotesOptions): (note: DeliveryNote) => void {
  const steps = new Counter({ name: 'rappel_delivery_steps_total', help: 'What happened to notifications', labelNames: ['channel', 'what', 'type'], registers: [] });
  const open = new Gauge({
    name: 'rappel_channel_open', help: '1 = sending, 0 = paused or throttled', labelNames: ['channel'], registers: [],
    collect() { this.set({ channel }, gate.state().kind === 'open' ? 1 : 0); },
  });
  const backlog = new Gauge({
    name: 'rappel_waiting', help: 'Notifications that wait, by reason', labelNames: ['channel', 'reason'], registers: [],
    async collect() {
      this.reset();
      // Without the database this figure is missing, not the whole page.
      const counts = await waiting.counts().catch(() => ({}));
      for (const [reason, count] of Object.entries(counts)) this.set({ channel, reason }, count);
    },
  });
  for (const metric of [steps, open, backlog]) registry.registerMetric(metric);
  // Fixed fields, none of them personal: looking for such paths would cost three quarters of a line. The text is still searched.
  const log = logger.child({ channel }, { redact: [] });
  return ({ what, notificationId, type, detail }) => {
    steps.inc({ channel, what, type: type ?? '' });
    const level = loud.includes(what) ? 'warn' : what === 'sent' ? 'info' : 'debug';
    log[level]({ notificationId, type, detail }, `${channel} message ${what}`);
  };
}
