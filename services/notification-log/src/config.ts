import { baseConfig } from '@rappel/service-kit';
import { z } from 'zod';

export const logConfig = {
  ...baseConfig,
  PORT: baseConfig.PORT.default(4005),
  /** Recipients of notifications older than this many days read `[REDACTED]`. */
  RAPPEL_RECIPIENT_DAYS: z.coerce.number().int().min(1).default(90),
  /** WhatsApp messages a day that the sender is allowed; what `/stats/sent-today` compares with. */
  RAPPEL_WHATSAPP_DAILY_LIMIT: z.coerce.number().int().min(1).optional(),
};
export type LogConfig = z.infer<z.ZodObject<typeof logConfig>>;
