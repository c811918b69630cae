/** Injection tokens that `runService` provides to every module: `@Inject(LOGGER) logger: Logger`. */
export const CONFIG = 'rappel:config';
export const LOGGER = 'rappel:logger';
/** Business time: `Clock` of `@rappel/contracts`. */
export const CLOCK = 'rappel:clock';
/** `HealthChecks`: add what the service needs to be ready. */
export const HEALTH = 'rappel:health';
/** `Shutdown`: say at which stage a thing closes. */
export const SHUTDOWN = 'rappel:shutdown';
/** prom-client's `Registry`; give it as `registers: [registry]` to a metric. */
export const METRICS = 'rappel:metrics';
