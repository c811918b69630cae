import { baseConfig } from '@rappel/service-kit';
import { z } from 'zod';

export const schedulerConfig = {
  ...baseConfig,
  PORT: baseConfig.PORT.default(4002),
  /** Most loans that are told in one emission. */
  SCHEDULER_BATCH: z.coerce.number().int().min(1).max(10_000).default(1000),
  /** Real milliseconds after which an idle instance looks for what another one planned before it died. */
  SCHEDULER_LOOK_AGAIN_MS: z.coerce.number().int().min(100).default(10_000),
};
export type SchedulerConfig = z.infer<z.ZodObject<typeof schedulerConfig>>;
