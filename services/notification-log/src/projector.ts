import type { EventStore } from '@rappel/event-store';
import type { Pool } from '@rappel/postgres';
import { followLog, pause, rebuildLog, RebuildRunning, type FollowStatus } from '@rappel/read-model';
import type { HealthChecks, Logger, Shutdown } from '@rappel/service-kit';

/** The part of the service that keeps the log up to date. */
export interface Projector {
  status(): FollowStatus;
}

interface Parts {
  readonly store: EventStore;
  readonly pool: Pool;
  readonly logger: Logger;
  readonly health: HealthChecks;
  readonly shutdown: Shutdown;
}

/** Follows the event store until the service goes down. */
export function createProjector({ store, pool, logger, health, shutdown }: Parts): Projector {
  const ending = new AbortController();
  let status: FollowStatus = { role: 'starting', checkpoint: '', caughtUp: false };
  let failing: unknown;
  const running = followLog({
    store, pool, signal: ending.signal,
    onStatus: (now) => {
      if (now.role !== status.role) logger.info({ role: now.role, checkpoint: now.checkpoint }, 'projection');
      status = now;
      failing = undefined;
    },
    onError: (err) => {
      failing = err;
      logger.error({ err }, 'the projection stumbled and tries again');
    },
    renew: async () => {
      logger.info('the log is missing or of another version: building it');
      try {
        const { events, totalSeconds } = await rebuildLog({ store, pool, signal: ending.signal });
        logger.info({ events, seconds: Math.round(totalSeconds) }, 'the log is built');
      } catch (error) {
        if (!(error instanceof RebuildRunning)) throw error;
        // An operator is at it; look again when that is done.
        await pause(1000, ending.signal);
      }
    },
  });
  health.add('projection', () => { if (failing) throw new Error('the projection does not get on'); });
  shutdown.add('workers', 'projection', async () => { ending.abort(); await running; });
  return { status: () => status };
}
