import { Zone } from '@rappel/contracts';
import { baseConfig } from '@rappel/service-kit';
import { z } from 'zod';

/** `{"department":"Zone", …}` */
const departmentZones = z.string().transform((text, context) => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    context.addIssue({ code: 'custom', message: 'expected JSON, {"department":"IANA zone"}' });
    return z.NEVER;
  }
}).pipe(z.record(z.string(), Zone));

export const loanConfig = {
  ...baseConfig,
  PORT: baseConfig.PORT.default(4001),
  /** Zone of a due moment that names none, when neither borrower nor department has one. */
  RAPPEL_DEFAULT_ZONE: Zone.default('Europe/Paris'),
  RAPPEL_DEPARTMENT_ZONES: departmentZones.prefault('{}'),
  /** Days after a borrower's last loan or change before their personal data is erased. */
  RAPPEL_RETENTION_DAYS: z.coerce.number().int().min(1).default(1095),
  /** Days that dead letters about nobody in particular stay readable. */
  RAPPEL_DEAD_LETTER_DAYS: z.coerce.number().int().min(1).default(90),
};
export type LoanConfig = z.infer<z.ZodObject<typeof loanConfig>>;
