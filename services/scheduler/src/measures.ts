import type { Clock } from '@rappel/contracts';
import type { Emission, Scheduler } from '@rappel/scheduling';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** What became of reminders and overdue moments, and how late. Seconds of business time, as with every clock of this service. */
export function measureEmissions(registry: Registry): (emission: Emission) => void {
  const outcomes = new Counter({
    name: 'rappel_reminders_total', help: 'Reminders and overdue moments by what became of them in this process: told, or why not', labelNames: ['type', 'outcome'], registers: [registry],
  });
  const lateness = new Histogram({
    name: 'rappel_reminder_lateness_seconds', help: 'How long after its planned moment each was told', labelNames: ['type'], buckets: [0.1, 0.5, 1, 5, 15, 60, 300, 3600, 21_600, 86_400], registers: [registry],
  });
  return ({ settled }) => {
    for (const { type, outcome, lateMs } of settled) {
      outcomes.inc({ type, outcome });
      if (outcome === 'told') lateness.observe({ type }, lateMs / 1000);
    }
  };
}

/** Of all instances together: they share one table. What cannot be read is NaN: the page never fails for it. */
export function measureDue(registry: Registry, scheduler: Pick<Scheduler, 'soonest'>, clock: Clock): void {
  const gauge = new Gauge({
    name: 'rappel_reminders_due_seconds', help: 'How long the longest waiting reminder or overdue moment has been due; 0 = nothing is due', registers: [registry],
    async collect() {
      const at = await scheduler.soonest().catch(() => Number.NaN);
      gauge.set(typeof at === 'number' ? at : at === undefined ? 0 : Math.max(0, Date.parse(clock.now()) - Date.parse(at)) / 1000);
    },
  });
}
