import { baseConfig } from '@rappel/service-kit';
import { z } from 'zod';

export const loanConfig = {
  ...baseConfig,
  PORT: baseConfig.PORT.default(4001),
  /** Days after a borrower's last loan or change before their personal data is erased. */
  RAPPEL_RETENTION_DAYS: z.coerce.number().int().min(1).default(1095),
  /** Days that dead letters about nobody in particular stay readable. */
  RAPPEL_DEAD_LETTER_DAYS: z.coerce.number().int().min(1).default(90),
};
export type LoanConfig = z.infer<z.ZodObject<typeof loanConfig>>;
