import type { Logger } from './logger.ts';

/**
 * The order of going down. `feeds` are answers that never end by themselves (live streams) and close first; then HTTP and the
 * consumers stop taking and finish what is in flight; then what runs by itself, what publishes, and what they all stand on.
 */
export const shutdownStages = ['feeds', 'intake', 'workers', 'relays', 'bus', 'stores', 'pools'] as const;
export type ShutdownStage = (typeof shutdownStages)[number];

export interface Shutdown {
  /** Called once at its stage, at the same time as others of that stage. */
  add(stage: ShutdownStage, name: string, close: () => unknown): void;
  /** Goes through the stages. A close that fails is logged and the rest goes on. */
  run(): Promise<void>;
}

export function createShutdown(logger: Logger): Shutdown {
  const closers: { stage: ShutdownStage; name: string; close: () => unknown }[] = [];
  let running: Promise<void> | undefined;
  const close = async (stage: ShutdownStage) => {
    await Promise.all(closers.filter((one) => one.stage === stage).map(async ({ name, close: end }) => {
      try {
        await end();
      } catch (err) {
        logger.error({ err, stage }, `${name} did not close`);
      }
    }));
  };
  const all = async () => {
    for (const stage of shutdownStages) await close(stage);
  };
  return {
    add: (stage, name, end) => { closers.push({ stage, name, close: end }); },
    run: () => (running ??= all()),
  };
}

export interface SignalOptions {
  readonly shutdown: Shutdown;
  readonly logger: Logger;
  readonly timeoutMs: number;
}

/** SIGTERM or SIGINT: shut down in order and exit 0; over the time limit exit 1; a second signal exits at once. */
export function onSignals({ shutdown, logger, timeoutMs }: SignalOptions): void {
  let asked = false;
  const end = (signal: NodeJS.Signals) => {
    if (asked) process.exit(1);
    asked = true;
    logger.info({ signal }, 'shutting down');
    setTimeout(() => {
      logger.error({ timeoutMs }, 'shutdown took too long');
      process.exit(1);
    }, timeoutMs).unref();
    void shutdown.run().then(() => {
      logger.info('stopped');
      process.exit(0);
    });
  };
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
}
